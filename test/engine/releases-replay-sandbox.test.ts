/** Replay that is done in the sandbox and told: what a rollout takes for it, and what it waits for. */
import { randomUUID } from 'node:crypto';
import type { AgentRunRequest } from '../../src/contract';
import { wishOf } from '../../src/domain/rollout/isolated-replay';
import { parseStrategy } from '../../src/domain/rollout/parse-strategy';
import { sha256 } from '../../src/domain/release/manifest';
import type { ReplayStage, Strategy } from '../../src/domain/rollout/strategy';
import type { VerdictKind } from '../../src/domain/rollout/verdict';
import { openWorld, releaseOf, type World } from './releases-world';

const [A, B, C] = [releaseOf(1), releaseOf(2), releaseOf(3)];
const TASKS = 20;
const at = '2026-01-05T00:00:00.000Z';

const strategyOf = (replay: object, ...more: object[]): Strategy => {
  const stages = [{ replay: { tasks: TASKS, ...replay } }, ...more, { full: '100%' }];
  const parsed = parseStrategy({ strategy: more.length > 0 ? 'canary' : 'blue-green', stages });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.strategy;
};
const SANDBOX = strategyOf({ where: 'sandbox', within: '30m' });
const replayIn = ({ stages }: Strategy): ReplayStage => {
  const stage = stages.find((s) => s.kind === 'replay');
  if (!stage) throw new Error('it replays nothing');
  return stage;
};

const call = { name: 'search', params: { q: 1 }, result: [1], latencyMs: 5, at };
async function worldWith(candidate: (request: AgentRunRequest) => object = () => ({})): Promise<World> {
  const world = await openWorld((r) =>
    r.config.releaseId === B.id
      ? { output: { n: 1 }, ...candidate(r) }
      : { output: { n: 1 }, toolCalls: [call] },
  );
  for (const release of [A, B, C]) await world.add(release);
  await world.direct(A);
  for (let n = 0; n < TASKS; n += 1) await world.run({ n });
  return world;
}

/** What somebody tells of a replay. */
async function tell(
  { store, clock, told }: World,
  verdict: VerdictKind,
  { against = A.id, strategy = SANDBOX } = {},
): Promise<void> {
  const outcomes = { worse: 0, better: 0, same: TASKS };
  const report = { against, wish: wishOf(replayIn(strategy)), outcomes };
  const content = Buffer.from(JSON.stringify({ stage: 'replay', verdict, reason: 'as it was', report }));
  const kept = { id: randomUUID(), releaseId: B.id, stage: 'replay' as const, verdict, reason: 'as it was' };
  const more = { evidence: sha256(content), durationMs: 1, at: clock.now(), by: 'key:ci' };
  await told(
    store.addVerdict({ ...kept, ...more }, content, () => ({
      ...{ at: clock.now(), actor: 'key:ci', action: 'release.judged', entity: 'release', id: B.id },
      set: { replay: verdict },
    })),
  );
}

it('waits for what is told of it, and goes by that without giving the candidate a capsule', async () => {
  const world = await worldWith();
  const id = await world.roll(B, SANDBOX);
  await world.pass(600_000);
  expect((await world.store.rollout(id))?.state).toMatchObject({ status: 'gating', verdicts: [] });
  expect(await world.env()).toMatchObject({ stable: A.id, weight: 0 });
  await tell(world, 'pass');
  const over = await world.settled(id);
  expect(over).toMatchObject({ status: 'done', verdicts: [{ verdict: 'pass' }, { verdict: 'pass' }] });
  expect(over.verdicts[0]?.reason).toBe('as it was; in the sandbox, told by key:ci');
  expect(world.jobs.filter((r) => r.config.dryRun)).toEqual([]);
});

it('takes back what failed there', async () => {
  const world = await worldWith();
  await tell(world, 'pass');
  await world.pass(1_000);
  await tell(world, 'fail');
  const over = await world.settled(await world.roll(B, SANDBOX));
  expect(over).toMatchObject({
    status: 'rolled-back',
    abortedFor: expect.stringContaining('as it was') as string,
  });
});

it.each([
  ['was done against another release', { against: C.id }],
  ['was asked for less', { strategy: strategyOf({ where: 'sandbox', margin: '60%' }) }],
])('does not count what %s, and asks a person in the end', async (_, what) => {
  const world = await worldWith();
  await tell(world, 'pass', what);
  const over = await world.settled(await world.roll(B, SANDBOX));
  expect(over).toMatchObject({ status: 'paused', verdicts: [{ verdict: 'inconclusive' }] });
  expect(over.memo).toContain(`reveille release replay ${B.id.slice(0, 12)} --strategy`);
  // Told meanwhile, and asked once more: it counts.
  await tell(world, 'pass');
  await world.told(world.engine.rollouts.apply(over.id, { type: 'retry' }, { actor: 'key:other' }));
  expect(await world.settled(over.id)).toMatchObject({ status: 'done' });
});

it('lends its evidence to the canary after it', async () => {
  const world = await worldWith();
  const strategy = strategyOf({ where: 'sandbox' }, { canary: { weight: '50%', tasks: 4 } });
  await tell(world, 'pass', { strategy });
  const id = await world.roll(B, strategy);
  const state = await world.until(async () => {
    const now = (await world.store.rollout(id))?.state;
    return now?.frozen ? now : undefined;
  });
  expect(state.frozen?.replayed).toEqual({ worse: 0, better: 0, same: TASKS });
});

it('has tools on a capsule answer from what is recorded alone, unless the stage lets them ask', async () => {
  const world = await worldWith();
  const copies = () => world.jobs.filter((r) => r.config.dryRun).map((r) => r.config);
  await world.settled(await world.roll(B, strategyOf({})));
  expect(copies()).toHaveLength(TASKS);
  for (const config of copies())
    expect(config).toMatchObject({ unrecorded: 'refuse', replayCalls: [{ name: 'search', result: [1] }] });
  const asking = await worldWith();
  const before = asking.jobs.length;
  await asking.settled(await asking.roll(B, strategyOf({ unrecorded: 'ask' })));
  expect(asking.jobs.slice(before).every((r) => r.config.unrecorded === undefined)).toBe(true);
});

it('takes no side where the candidate asked for what was not recorded', async () => {
  const refused = { status: 'error', error: 'no record of it', errorKind: 'not-recorded', output: {} };
  const world = await worldWith((r) => (Number(r.input['n']) % 2 === 0 ? refused : {}));
  const over = await world.settled(await world.roll(B, strategyOf({ margin: '30%' })));
  expect(over).toMatchObject({ status: 'paused', verdicts: [{ verdict: 'inconclusive' }] });
  expect(over.verdicts[0]?.reason).toContain('10 asked for what had not been recorded, and were refused');
});

it('sends nothing that was kept in part only', async () => {
  const world = await openWorld((r) =>
    r.config.releaseId === B.id
      ? {}
      : {
          toolCalls: [
            call,
            { ...call, name: 'long', result: 'the beg', shortened: true },
            { ...call, name: 'long', result: 'all of the next one' },
          ],
        },
  );
  for (const release of [A, B]) await world.add(release);
  await world.direct(A);
  await world.run({});
  await world.settled(await world.roll(B, strategyOf({ tasks: 1 })));
  const [copy] = world.jobs.filter((r) => r.config.dryRun);
  expect(copy?.config.replayCalls?.map((c) => c.name)).toEqual(['search']);
});
