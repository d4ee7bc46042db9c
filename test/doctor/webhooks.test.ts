/** How the last results came says whether agents reach the orchestrator. */
import type { LedgerEntry } from '../../src/domain/ledger';
import { examineWebhooks } from '../../src/doctor/webhooks';
import { createMemoryStore } from '../../src/store/memory';

const NOW = 1_700_000_000_000;
const DAY = 86_400_000;
const URL_SET = 'https://reveille.example.com';

/** @param ways oldest first */
async function told(ways: Array<'delivered' | 'fetched'>, age = 0) {
  const store = createMemoryStore();
  for (const [n, way] of ways.entries()) {
    const actor = way === 'delivered' ? 'callback:crawl' : 'agent:crawler';
    const entry: LedgerEntry = {
      ...{ at: NOW - age + n, actor, action: 'run.result', entity: 'run', id: `run-${n}`, set: {} },
    };
    await store.commit({ at: entry.at, ledger: [entry] });
  }
  return examineWebhooks(store, NOW, URL_SET);
}

it('is not known before a result came, and long after the last', async () => {
  expect(await told([])).toMatchObject({
    verdict: 'unknown',
    text: 'no agent has delivered a result to reveille.example.com yet',
  });
  expect(await told(['delivered'], 8 * DAY)).toMatchObject({ verdict: 'unknown' });
});

it('is in order where the last one was delivered', async () => {
  expect(await told(['fetched', 'delivered'])).toMatchObject({ check: 'webhooks', verdict: 'ok' });
});

it('is in doubt where the last ones had to be fetched, and wrong where all had to be', async () => {
  const doubt = await told(['delivered', 'fetched', 'fetched']);
  expect(doubt).toMatchObject({
    verdict: 'warn',
    text: expect.stringMatching(/^the last 2 had to be fetched/) as string,
  });
  expect(doubt.mend).toContain('PUBLIC_URL/webhook');
  expect(await told(['fetched', 'fetched'])).toMatchObject({
    verdict: 'fail',
    text: 'the last 2 results had to be fetched: none was delivered to reveille.example.com',
  });
});
