/** What people decide, look into and stop in the dashboard, against a live orchestrator with real agents. */
import type { Page } from 'playwright-core';
import type { Orchestrator } from '../../src/compose';
import { acts, ended, stepIs, succeeded, trigger } from '../e2e/support/runs';
import type { World } from '../e2e/support/world';
import { MARKUP, PROPOSAL, startInstallation } from './support/installation';
import { settled, useChromium } from './support/page';
import { CAREFUL, fillReleases } from './support/releases';

const browsing = useChromium();
let world: World;
let orchestrator: Orchestrator;

beforeAll(async () => {
  world = await startInstallation();
  orchestrator = await world.orchestrate({ env: { INBOX: 'on' } });
});
afterAll(() => world.close());

const open = async (path: string): Promise<Page> => {
  const { page } = await browsing.open(orchestrator.url + path);
  await settled(page);
  return page;
};

test('shows what an agent wants to do, sends it back with a comment, then approves it', async () => {
  const id = await trigger(orchestrator, 'announce', PROPOSAL);
  await stepIs(orchestrator, id, 'post', 'parked');
  const page = await open('/app/inbox');
  const memo = page.locator('.memo');
  await memo.getByRole('cell', { name: 'post.publish' }).waitFor();
  await memo.getByText('82 %').waitFor();
  await memo.getByText(MARKUP).waitFor();
  const back = memo.getByRole('button', { name: 'Send back' });
  expect(await back.isDisabled()).toBe(true);
  await memo.getByLabel(/Comment/).fill('Leave out the claim.');
  await back.click();
  await memo.getByText('proposal 2').waitFor();
  await memo.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Nobody is asked.').waitFor();
  await succeeded(orchestrator, id);
  await page.getByLabel('Also those that are over').check();
  await page.getByText('Leave out the claim.').waitFor();
  expect(await page.evaluate('window.pwned')).toBeUndefined();
});

test('rejects', async () => {
  const id = await trigger(orchestrator, 'newsletter');
  await stepIs(orchestrator, id, 'word', 'parked');
  const page = await open('/app/inbox');
  const memo = page.locator('.memo', { hasText: '1,200 people' });
  await memo.getByRole('button', { name: 'Reject' }).click();
  await page.getByText('Rejected.').waitFor();
  expect((await ended(orchestrator, id)).status).toBe('failed');
});

test('shows what was delivered with the verdict on it, and applies a result again', async () => {
  const id = await trigger(orchestrator, 'markup');
  await ended(orchestrator, id);
  await fetch(`${orchestrator.url}/webhook`, {
    method: 'POST',
    body: JSON.stringify({ runId: id, stepId: 'job', status: MARKUP }),
    headers: { 'content-type': 'application/json' },
  });
  const page = await open('/app/inbox?show=deliveries&verdict=refused');
  await page.locator('[data-delivery]').first().waitFor();
  await page.getByLabel('Verdict').selectOption('ok');
  await page.locator('[data-delivery]', { hasText: 'step job' }).first().waitFor();
  await page.locator('h1').click();
  await page.keyboard.press('j');
  await page.locator('.card.at').waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Headers' }).waitFor();
  await page.getByRole('button', { name: 'Replay' }).click();
  await page.getByText('It was known already: nothing changed.').waitFor();
});

test('turns a workflow off with a message and an end, and on again', async () => {
  const page = await open('/app/switches');
  await page.getByRole('combobox', { name: /^What/ }).selectOption('workflow site-audit');
  await page.getByLabel('Why, for everybody').fill(`They complain ${MARKUP}`);
  await page.getByLabel('How long').selectOption('60');
  await page.getByRole('button', { name: 'Turn off' }).click();
  const card = page.locator('[data-switch]', { hasText: 'workflow site-audit' });
  await card.getByText('on again by itself').waitFor();
  const held = await trigger(orchestrator, 'site-audit');
  await page.goto(orchestrator.url);
  await page.getByText('They complain').first().waitFor();
  expect((await orchestrator.store.run(held))?.state.status).not.toBe('succeeded');
  await page.goto(`${orchestrator.url}/app/switches`);
  await card.getByRole('button', { name: 'Turn on again' }).click();
  await page.getByText('Everything is on.').waitFor();
  await succeeded(orchestrator, held);
});

test('pauses a workflow and lets it go on', async () => {
  const page = await open('/app/workflows/newsletter');
  await page.getByRole('button', { name: 'Pause…' }).click();
  await page.getByLabel('Why, for everybody').fill('Not on holidays');
  await page.getByRole('dialog').getByRole('button', { name: 'Pause', exact: true }).click();
  await page.locator('.why', { hasText: 'Not on holidays' }).waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('.why').waitFor({ state: 'detached' });
  expect((await orchestrator.store.switches({ on: true }, 10)).items).toEqual([]);
});

test('stops everything after a word, follows the report to zero, and lets it go on', async () => {
  const id = await trigger(orchestrator, 'site-audit', acts({ crawl: 'hold' }));
  await stepIs(orchestrator, id, 'crawl', 'running');
  const page = await open('/app/switches');
  await page.getByRole('button', { name: 'Stop everything…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why, for everybody').fill('It writes to the wrong people');
  const stop = dialog.getByRole('button', { name: 'Stop everything' });
  expect(await stop.isDisabled()).toBe(true);
  await dialog.getByLabel('Type “stop” to go on').fill('stop');
  await stop.click();
  await page.locator('h1', { hasText: 'everything at zero' }).waitFor();
  await page
    .locator('li', { hasText: `run ${id.slice(0, 8)}` })
    .getByText('cancelled')
    .waitFor();
  expect((await ended(orchestrator, id)).status).toBe('cancelled');
  await page.getByRole('button', { name: 'Let everything go on' }).click();
  await page.getByText('The switch is released.').waitFor();
  await page.goto(`${orchestrator.url}/app/switches`);
  await page.getByText('Everything is on.').waitFor();
  await page
    .getByRole('link', { name: /\d\d:\d\d/ })
    .first()
    .waitFor();
});

test('shows what is different in a release and why it waits, takes it back, and approves another', async () => {
  const { release, paused, approving } = await fillReleases(orchestrator.url);
  const page = await open('/app/releases');
  await page.keyboard.press('g');
  await page.keyboard.press('l');
  const careful = page.locator(`[data-environment="gamma/${CAREFUL}"]`);
  await careful.getByText('Rules: one approval · the one before awake for 10 min 0 s').waitFor();
  await page.locator(`[data-release="${release}"] .badge`, { hasText: 'candidate in test' }).waitFor();
  await page.goto(`${orchestrator.url}/app/releases/${release}`);
  const changed = page.getByRole('row', { name: 'config tone changed' });
  await changed.getByText('<script>window.pwned=1</script>').waitFor();
  await page.goto(`${orchestrator.url}/app/releases/${paused}`);
  await page.locator('.why', { hasText: 'could not tell' }).waitFor();
  await page
    .getByRole('button', { name: /^Evidence/ })
    .first()
    .click();
  await page.getByRole('dialog').getByText('findings').waitFor();
  await page.keyboard.press('Escape');
  const accept = page.getByRole('dialog').getByRole('button', { name: 'Accept', exact: true });
  await page.getByRole('button', { name: 'Accept…' }).click();
  expect(await accept.isDisabled()).toBe(true);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Abort…' }).click();
  await page.getByLabel('Why, for the ledger').fill('It is not kind enough');
  await page.getByRole('dialog').getByRole('button', { name: 'Abort', exact: true }).click();
  await page.locator('h1 .badge', { hasText: 'taken back' }).waitFor();
  await page.locator('.problem', { hasText: 'It is not kind enough' }).waitFor();
  await page.goto(`${orchestrator.url}/app/releases/${approving}`);
  await page.getByRole('button', { name: 'Approve…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Approve', exact: true }).click();
  await page.locator('h1 .badge', { hasText: 'done' }).waitFor();
  await page.locator('[data-stage="approval"]').getByText('approved by local').waitFor();
  expect(await page.evaluate('window.pwned')).toBeUndefined();
});

test('verifies the chain, and finds who did what', async () => {
  const page = await open('/app/audit');
  await page.getByText('The chain is whole:').waitFor();
  const what = page.getByLabel('What', { exact: true });
  await what.fill('switch.*');
  await what.press('Enter');
  await page.waitForURL(/action=switch/);
  const entry = page.locator('.ledger li', { hasText: 'switch.' }).first();
  await entry.getByRole('button').click();
  await page.getByRole('heading', { name: 'Changed to' }).waitFor();
  await what.fill('not an action');
  await what.press('Enter');
  await page.getByRole('alert').waitFor();
  expect(await page.locator('.empty').count()).toBe(0);
});
