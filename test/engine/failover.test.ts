/** An agent with alternatives: its work is done where it can be done, and back where it belongs as soon as that works. */
import type { AgentRunRequest, AgentRunResult } from '../../src/contract';
import { lastPlaceOf } from '../../src/domain/attempt';
import { asleep, type CapsuleState } from '../../src/domain/capsule';
import { FIRST_TRIAL_MS } from '../../src/domain/failover';
import type { LedgerEntry } from '../../src/domain/ledger';
import type { StepState } from '../../src/domain/run';
import { Failover } from '../../src/engine/failover';
import { whyOf } from '../../src/engine/why';
import { openWorld, releaseOf, type World } from './releases-world';

const [A, B] = [releaseOf(1), releaseOf(2)];
const OTHER = 'f'.repeat(64);
const ALTERNATIVES = {
  spares: undefined,
  lingerSeconds: 0,
  alternatives: [
    { capsuleId: 'capsule-second', baseUrl: 'http://second.test', release: OTHER },
    { capsuleId: 'capsule-third', baseUrl: 'http://third.test' },
  ],
};
type Broken = Record<string, 'refused' | 'never-starts' | undefined>;

const open = (broken: Broken, work: (r: AgentRunRequest) => Partial<AgentRunResult> = () => ({})) =>
  openWorld(work, ALTERNATIVES, (id) => broken[id]);
const capsule = async ({ store }: World, id: string) => (await store.capsule(id))?.state;
/** Where each attempt of a run's only step was, and what came of it. */
const places = async (world: World, id: string) =>
  ((await world.ended(id)).steps[0]?.history ?? []).map((h) => [h.capsuleId, h.outcome]);
const oncePerAttempt = (world: World) =>
  expect([...world.cloud.worked.values()].every((times) => times === 1)).toBe(true);

describe.each(['refused', 'never-starts'] as const)('where the first capsule is %s', (how) => {
  it('does the work on the next, with the same attempt, and says so everywhere', async () => {
    const world = await open({ 'capsule-main': how });
    const id = await world.begin();
    await world.until(async () =>
      (await world.store.run(id))?.state.steps[0]?.capsuleId === 'capsule-second' ? true : undefined,
    );
    const waiting = (await world.store.run(id))?.state;
    if (!waiting) throw new Error('it is there');
    expect(await whyOf(waiting, world)).toMatch(
      /waits for capsule-second \(in place of capsule-main: .*(503|not healthy)/,
    );
    const { steps, status } = await world.ended(id);
    expect(status).toBe('succeeded');
    expect(steps[0]?.history).toMatchObject([
      {
        ...{ attempt: 1, outcome: 'success', capsuleId: 'capsule-second', releaseId: OTHER },
        failover: { capsuleId: 'capsule-main', reason: expect.stringMatching(/503|healthy/) as string },
      },
    ]);
    const told = (await world.store.ledger(0, 1_000))
      .map(({ body }) => JSON.parse(body) as LedgerEntry)
      .filter((e) => e.id === id)
      .map((e) => e.set?.['steps.work.failover'])
      .filter((text) => typeof text === 'string');
    expect(told[0]).toMatch(/^capsule-second in place of capsule-main: /);
    // Who comes next does not wait for what was just seen to fail.
    expect(await places(world, await world.begin())).toEqual([['capsule-second', 'success']]);
    oncePerAttempt(world);
  });
});

it('goes back to the first by a trial once its pause is over, and not before', async () => {
  const broken: Broken = { 'capsule-main': 'refused' };
  const world = await open(broken);
  await world.run();
  const { until = 0 } = (await capsule(world, 'capsule-main'))?.unwell ?? {};
  expect(until).toBeGreaterThan(world.clock.now());
  // Still broken: the trial fails, its work is done on the second, and the pause is longer.
  await world.pass(FIRST_TRIAL_MS);
  expect(await places(world, await world.begin())).toEqual([['capsule-second', 'success']]);
  expect((await capsule(world, 'capsule-main'))?.unwell).toMatchObject({ trips: 2 });
  broken['capsule-main'] = undefined;
  expect(await places(world, await world.begin())).toEqual([['capsule-second', 'success']]);
  await world.pass(2 * FIRST_TRIAL_MS);
  expect(await places(world, await world.begin())).toEqual([['capsule-main', 'success']]);
  expect((await capsule(world, 'capsule-main'))?.unwell).toBeUndefined();
  expect(await places(world, await world.begin())).toEqual([['capsule-main', 'success']]);
  oncePerAttempt(world);
});

it('takes the next in order, and fails with the reason when none works', async () => {
  const broken: Broken = { 'capsule-main': 'refused', 'capsule-second': 'refused' };
  const world = await open(broken);
  const third = await world.ended(await world.begin());
  expect(third.steps[0]?.history).toMatchObject([{ capsuleId: 'capsule-third', outcome: 'success' }]);
  // No release is named for it.
  expect(third.steps[0]?.releaseId).toBeUndefined();
  broken['capsule-third'] = 'refused';
  const failed = await world.ended(await world.begin());
  expect(failed).toMatchObject({ status: 'failed', error: { kind: 'wake-failed' } });
  expect(failed.steps[0]?.history.map((h) => h.outcome)).toEqual(['wake-failed', 'wake-failed']);
});

it('leaves a capsule whose agent reports that its provider is down', async () => {
  let isDown = true;
  const world = await open({}, ({ config }) =>
    isDown && config.releaseId !== OTHER
      ? { status: 'error', error: 'no answer of p', errorKind: 'provider-unavailable' }
      : {},
  );
  expect(await places(world, await world.begin())).toEqual([
    ['capsule-main', 'agent-error'],
    ['capsule-second', 'success'],
  ]);
  expect((await capsule(world, 'capsule-main'))?.unwell).toMatchObject({ cause: 'provider' });
  isDown = false;
  await world.pass(FIRST_TRIAL_MS);
  expect(await places(world, await world.begin())).toEqual([['capsule-main', 'success']]);
  await world.pass(1_000);
  expect((await capsule(world, 'capsule-main'))?.unwell).toBeUndefined();
});

it('does a candidate’s work on the capsule of the candidate alone', async () => {
  const broken: Broken = {};
  const spares = [{ capsuleId: 'capsule-spare', baseUrl: 'http://spare.test' }];
  const world = await openWorld(
    () => ({}),
    { ...ALTERNATIVES, spares },
    (id) => broken[id],
  );
  for (const release of [A, B]) await world.add(release);
  await world.direct(A);
  broken['capsule-spare'] = 'refused';
  const stages = [
    { kind: 'canary' as const, weight: 99, forMs: 0, tasks: 50, deadlineMs: 3_600_000 },
    { kind: 'switch' as const },
  ];
  await world.roll(B, { name: 'canary', stages, rollbackOn: [] });
  await world.until(async () => ((await world.env()).weight === 99 ? true : undefined));
  const runs = await Promise.all(Array.from({ length: 4 }, () => world.begin()));
  const all = (await Promise.all(runs.map((id) => world.ended(id)))).flatMap(
    (r) => r.steps[0]?.history ?? [],
  );
  const ofCandidate = all.filter((h) => h.releaseId === B.id);
  expect(ofCandidate.length).toBeGreaterThan(0);
  expect(new Set(ofCandidate.map((h) => h.outcome))).toEqual(new Set(['wake-failed']));
});

describe('never has two attempts of a step at work', () => {
  const unwell = { cause: 'wake' as const, reason: 'down', since: 1, until: Infinity, trips: 1 };
  const seen = (status: CapsuleState['status'], generation: number): CapsuleState => ({
    ...{ ...asleep('capsule-main', 'writer'), status, generation, unwell },
  });
  it.each<[string, CapsuleState | undefined, string]>([
    ['is not known', undefined, 'capsule-main'],
    ['was last seen before it', seen('asleep', 6), 'capsule-main'],
    ['is awake in the same shift', seen('awake', 7), 'capsule-main'],
    ['is on its way to sleep', seen('draining', 7), 'capsule-main'],
    ['is asleep since', seen('asleep', 7), 'capsule-second'],
    ['is in another shift', seen('waking', 8), 'capsule-second'],
  ])('where the capsule of the one before %s', async (_, state, expected) => {
    const { registry, clock } = await open({});
    const failover = new Failover(
      { registry, clock },
      { capsule: (id) => (id === 'capsule-main' ? state : undefined), environment: () => undefined },
    );
    const last = { capsuleId: 'capsule-main', generation: 7 };
    expect(failover.placeFor('writer', undefined, last)?.capsuleId).toBe(expected);
    // Nor does what went on elsewhere come back while it may be at work there.
    const there = { capsuleId: 'capsule-third', generation: 7 };
    expect(failover.placeFor('writer', undefined, there)?.capsuleId).toBe('capsule-third');
  });

  it('asks that of an attempt alone whose agent did not say how it ended', () => {
    const record = { attempt: 1, outcome: 'timeout', requestedAt: 1, grantedAt: 2, endedAt: 3 } as const;
    const step = (more: object): StepState => ({
      ...{ id: 's', status: 'waiting', attempt: 2 },
      history: [{ ...record, capsuleId: 'c', generation: 7, ...more }],
    });
    expect(lastPlaceOf(step({}))).toEqual({ capsuleId: 'c', generation: 7 });
    expect(lastPlaceOf(step({ outcome: 'agent-error', durationMs: 5 }))).toBeUndefined();
    expect(lastPlaceOf(step({ outcome: 'wake-failed', grantedAt: undefined }))).toBeUndefined();
    expect(lastPlaceOf({ ...step({}), history: [] })).toBeUndefined();
  });
});
