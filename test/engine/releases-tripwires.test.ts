/** What ends a canary at once, as the engine sees it: no statistics are waited for. */
import type { AgentRunRequest, AgentRunResult } from '../../src/contract';
import { parseStrategy } from '../../src/domain/rollout/parse-strategy';
import { openWorld, releaseOf } from './releases-world';

const [A, B] = [releaseOf(1), releaseOf(2)];

function strategy(more: object) {
  const stages = [{ canary: { weight: '99%', tasks: 50 } }, { full: '100%' }];
  const parsed = parseStrategy({ strategy: 'canary', stages, ...more });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.strategy;
}
const costing = (costUsd: number): Partial<AgentRunResult> => ({
  usage: [{ provider: 'p', model: 'm', inputTokens: 1, outputTokens: 1, costUsd }],
});

it.each([
  [
    'costs more than its cap',
    () => costing(2),
    { cost_cap: '3 usd' },
    'it has cost 4.00 USD, and the cap is 3.00 USD',
  ],
  [
    'does what its agent may not do without a person',
    () => ({
      ...costing(2),
      actions: [{ type: 'post', platform: 'web', at: '2026-01-05T00:00:00.000Z', reach: 500 }],
    }),
    {},
    'the policy was violated once',
  ],
])('takes back a candidate that %s', async (_, candidate, more, why) => {
  const world = await openWorld((r: AgentRunRequest) =>
    r.config.releaseId === B.id ? candidate() : costing(2),
  );
  for (const release of [A, B]) await world.add(release);
  await world.direct(A);
  for (let n = 0; n < 20; n += 1) await world.run({ n });
  const id = await world.roll(B, strategy(more));
  await world.until(async () => ((await world.env()).weight === 99 ? true : undefined));
  const over = await world.until(async () => {
    await world.run();
    const state = (await world.store.rollout(id))?.state;
    return state?.status === 'rolled-back' ? state : undefined;
  });
  expect(over.abortedFor).toContain(why);
  expect(await world.env()).toMatchObject({ stable: A.id, weight: 0 });
});
