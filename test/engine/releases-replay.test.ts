/** Replay before traffic: what the incumbent did is done once more by the candidate, before it gets any work. */
import type { AgentRunRequest, AgentRunResult } from '../../src/contract';
import { parseStrategy } from '../../src/domain/rollout/parse-strategy';
import { MAX_REPLAY_CALLS_BYTES, replayCalls } from '../../src/domain/rollout/replay-calls';
import type { Rollout } from '../../src/domain/rollout/rollout';
import type { Strategy } from '../../src/domain/rollout/strategy';
import { openWorld, releaseOf, type World } from './releases-world';

const [A, B] = [releaseOf(1), releaseOf(2)];
const TASKS = 20;

const strategy = (replay: object, ...more: object[]): Strategy => {
  const stages = [{ replay: { tasks: TASKS, ...replay } }, ...more, { full: '100%' }];
  const parsed = parseStrategy({ strategy: more.length > 0 ? 'canary' : 'blue-green', stages });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.strategy;
};

/** What an agent says of a customer, and where the candidate differs. */
const answer = (request: AgentRunRequest, more: Record<string, unknown> = {}): Partial<AgentRunResult> => ({
  output: { score: Number(request.input['n']) / 3, tags: ['a', 'b'], meta: { at: request.runId }, ...more },
  usage: [{ provider: 'p', model: 'm', inputTokens: 1, outputTokens: 1, costUsd: 0.02 }],
});
const isCandidate = (request: AgentRunRequest) => request.config.releaseId === B.id;

/** The incumbent has done so many tasks. */
async function worldWith(
  tasks: number,
  candidate: (request: AgentRunRequest) => Partial<AgentRunResult>,
  incumbent = answer,
): Promise<World> {
  const world = await openWorld((r) => (isCandidate(r) ? candidate(r) : incumbent(r)));
  for (const release of [A, B]) await world.add(release);
  await world.direct(A);
  for (let n = 0; n < tasks; n += 1) await world.run({ n });
  return world;
}
const IGNORING = { tolerance: { ignore: ['meta.at'], sets: ['tags'], numbers: '1%' } };
const evidenceOf = async ({ store }: World, { verdicts }: Rollout) =>
  JSON.parse(String(await store.releasePart(verdicts[0]?.evidence[0] ?? ''))) as {
    report: {
      outcomes: object;
      removed: number;
      forecast: object;
      took: { seconds: number; costUsd: number };
    };
  };

it('passes what decides the same, within the tolerances, without giving it any work', async () => {
  const like = (r: AgentRunRequest) =>
    answer(r, { score: Number(r.input['n']) / 2.999, tags: ['b', 'a', 'a'] });
  const world = await worldWith(TASKS + 3, like);
  const before = world.jobs.length;
  const over = await world.settled(await world.roll(B, strategy(IGNORING)));
  expect(over).toMatchObject({ status: 'done', verdicts: [{ verdict: 'pass' }, { verdict: 'pass' }] });
  expect(over.verdicts[0]?.reason).toContain('worse in at most 20 % of the tasks');
  const copies = world.jobs.slice(before);
  expect(copies).toHaveLength(TASKS);
  // Each has no effect, is the candidate's, and says of what it is a copy.
  for (const { config, input } of copies) {
    expect(config).toMatchObject({ dryRun: true, releaseId: B.id });
    const [of = ''] = config.replayOf?.split('/') ?? [];
    expect((await world.store.payloads(of))?.input).toMatchObject({ n: input['n'] });
  }
  expect(copies.map((c) => c.input['n']).sort()).not.toContain(0);
  // What was forecast: 20 tasks of a second and two cents, by what the incumbent took.
  expect(over.replay).toMatchObject({ removed: 0, forecast: { costUsd: expect.closeTo(0.4) as number } });
  expect(over.replay?.forecast.seconds).toBeGreaterThanOrEqual(TASKS);
  const { report } = await evidenceOf(world, over);
  expect(report).toMatchObject({
    outcomes: { same: TASKS },
    took: { costUsd: expect.closeTo(0.4) as number },
  });
  expect(report.took.seconds).toBeGreaterThan(TASKS);
  expect(report.took.seconds).toBeLessThan(10 * TASKS);
});

it('gives the candidate what the incumbent called for that very task, and was answered', async () => {
  const at = '2026-01-05T00:00:00.000Z';
  const calls = (n: unknown) => [
    { name: 'search', params: { n }, result: { hits: [n] }, latencyMs: 5, at },
    { name: 'fetch', params: { n }, error: 'gone', latencyMs: 5, at },
    { name: 'silent', params: {}, latencyMs: 5, at },
  ];
  const world = await worldWith(TASKS, answer, (r) => ({ ...answer(r), toolCalls: calls(r.input['n']) }));
  await world.settled(await world.roll(B, strategy(IGNORING)));
  const copies = world.jobs.filter((r) => r.config.dryRun);
  expect(copies).toHaveLength(TASKS);
  for (const { config, input } of copies) {
    const [search, gone] = calls(input['n']);
    expect(config.replayCalls).toEqual([
      { name: 'search', params: search?.params, result: search?.result },
      { name: 'fetch', params: gone?.params, error: 'gone' },
    ]);
  }
  expect(world.jobs.filter((r) => !r.config.dryRun && r.config.replayCalls)).toEqual([]);
});

it('sends no calls that told nothing, or that are too long', () => {
  expect(replayCalls([{ name: 'a', params: {} }])).toBeUndefined();
  expect(replayCalls(undefined)).toBeUndefined();
  const long = (length: number) => [{ name: 'a', params: {}, result: 'x'.repeat(length) }];
  expect(replayCalls(long(MAX_REPLAY_CALLS_BYTES))).toBeUndefined();
  expect(replayCalls(long(1_000))).toHaveLength(1);
});

it.each([
  ['decides otherwise', (r: AgentRunRequest) => answer(r, { score: -1 }), /something else in 7 of .* score/],
  ['fails', () => ({ status: 'error', error: 'no' }) as const, /something else in \d+ of/],
  ['is slow', (r: AgentRunRequest) => ({ ...answer(r), durationMs: 4_000 }), /took longer in/],
  [
    'is dear',
    (r: AgentRunRequest) => ({ ...answer(r), usage: [{ ...answer(r).usage?.[0], costUsd: 1 }] as never }),
    /cost more in/,
  ],
])('takes back a candidate that %s, and not one task was its own', async (_, candidate, why) => {
  const world = await worldWith(TASKS, candidate);
  const over = await world.settled(await world.roll(B, strategy(IGNORING)));
  expect(over).toMatchObject({ status: 'rolled-back', verdicts: [{ verdict: 'fail' }] });
  expect(over.abortedFor).toMatch(why);
  expect(await world.env()).toMatchObject({ stable: A.id, weight: 0 });
  expect(world.jobs.filter(isCandidate).every((r) => r.config.dryRun)).toBe(true);
});

it('cannot tell from too few tasks, counts what retention removed, and asks a person', async () => {
  const world = await worldWith(8, answer);
  await world.until(async () => ((await world.store.openWork(Infinity, 9)).length === 0 ? true : undefined));
  const { runId = '' } = (await world.store.workOfRelease(A.id, 1))[0] ?? {};
  const newest = (await world.store.run(runId))?.state.finishedAt ?? 0;
  await world.told(
    world.store.purge(newest, 200, (n) => ({
      ...{ at: 1, actor: 'engine', action: 'retention.removed', entity: 'retention', id: 'runs', set: { n } },
    })),
  );
  const over = await world.settled(await world.roll(B, strategy(IGNORING)));
  expect(over).toMatchObject({ status: 'paused', replay: { removed: 7, tasks: [{ runId }] } });
  expect(over.memo).toMatch(/7 more had been removed by retention/);
  // Once more is once more: the copy of the first round does not count for the second.
  const before = world.jobs.length;
  await world.told(world.engine.rollouts.apply(over.id, { type: 'retry' }, { actor: 'key:other' }));
  await world.until(async () =>
    (await world.store.rollout(over.id))?.state.verdicts.length === 2 ? true : undefined,
  );
  expect(world.jobs.length).toBe(before + 1);
});

it('says so when there is nothing to replay', async () => {
  const world = await worldWith(0, answer);
  const over = await world.settled(await world.roll(B, strategy({})));
  expect(over).toMatchObject({ status: 'paused' });
  expect(over.memo).toContain('did no task in the last 30 days');
});

it('lends its evidence to the canary after it', async () => {
  const copies: string[] = [];
  const isFirst = ({ runId, config }: AgentRunRequest): boolean => {
    if (config.dryRun && !copies.includes(runId)) copies.push(runId);
    return copies.slice(0, 3).includes(runId);
  };
  const failing = (r: AgentRunRequest) =>
    isFirst(r) ? ({ status: 'error', error: 'no' } as const) : answer(r);
  const world = await worldWith(TASKS, failing);
  const canary = { canary: { weight: '50%', tasks: 4 } };
  const wish = strategy({ ...IGNORING, margin: '60%' }, canary);
  const id = await world.roll(B, wish);
  const over = await world.until(async () => {
    await world.run({ n: 1 });
    const state = (await world.store.rollout(id))?.state;
    return state?.frozen || state?.status === 'paused' ? state : undefined;
  });
  expect(over.frozen?.replayed).toEqual({ worse: 3, better: 0, same: TASKS - 3 });
  const judgement = await world.told(world.engine.rollouts.judgement(over));
  const failed = judgement?.report.find((m) => m.metric === 'failed')?.abort;
  expect(failed?.replayed).toBeGreaterThan(2);
  expect(failed?.badRunsNeeded).toBeGreaterThan(0);
});
