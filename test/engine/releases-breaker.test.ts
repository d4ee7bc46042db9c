/** A breaker takes back the release whose work opened it, by itself. */
import type { AgentRunRequest, AgentRunResult } from '../../src/contract';
import {
  changeEnvironment,
  newEnvironment,
  type Environment,
  type EnvironmentChange,
} from '../../src/domain/release/environment';
import { withInstances } from '../../src/domain/release/placement';
import { goodBefore, SUSPECT_MS, wasTakenBack } from '../../src/domain/release/suspect';
import { causeOf } from '../../src/domain/rollout/causes';
import type { Strategy } from '../../src/domain/rollout/strategy';
import { AGENT, ENVIRONMENT, openWorld, releaseOf, type World } from './releases-world';

const [A, B, C] = [releaseOf(1), releaseOf(2), releaseOf(3)];
const RULES = { windowTasks: 4, minTasks: 4, openSeconds: 3_600 };
const costs = (costUsd: number): Partial<AgentRunResult> => ({
  usage: [{ provider: 'p', model: 'm', inputTokens: 1, outputTokens: 1, costUsd }],
});
const fails = (): Partial<AgentRunResult> => ({ status: 'error', error: 'no' });

/** A works; B is promoted after it, and is bad. */
async function worldOf(rules: object, bad: () => Partial<AgentRunResult>, who = B): Promise<World> {
  const work = ({ config }: AgentRunRequest) => (config.releaseId === who.id ? bad() : {});
  const world = await openWorld(work, { breaker: { consecutiveFailures: 100, ...RULES, ...rules } });
  for (const release of [A, B, C]) await world.add(release);
  await world.direct(A);
  return world;
}
const alertOf = async ({ store }: World, kind: string) =>
  (await store.alerts({}, 10)).items.find((a) => a.kind === kind);
const breakerOf = async ({ store }: World) => (await store.breaker(AGENT))?.state;
const goesBack = (world: World) =>
  world.until(async () => ((await world.env()).stable === A.id ? true : undefined));

it.each([
  ['errors', { errorRate: 0.5 }, fails, /4 of the last 4 tasks failed/],
  ['errors in a row', { consecutiveFailures: 3 }, fails, /3 tasks in a row failed/],
  ['costs', { costPerTaskUsd: 1 }, () => costs(2), /cost 2 US dollars each/],
  [
    'interventions',
    { interventionRate: 0.5 },
    () => ({ needsHuman: 'help' }),
    /4 of the last 4 tasks needed a person/,
  ],
])('takes back what was promoted last, by %s, and says what was different', async (_, rules, bad, why) => {
  const world = await worldOf(rules, bad);
  await world.direct(B);
  for (let n = 0; n < 4; n += 1) await world.begin({ n });
  await goesBack(world);
  expect((await world.env()).previous).toBeUndefined();
  const alert = await world.until(() => alertOf(world, 'rollout-aborted'));
  expect(alert.message).toMatch(why);
  expect(alert.message).toContain(`${A.id.slice(0, 12)} works again`);
  expect(alert.message).toMatch(
    /It differed in: code changed from [0-9a-f]{12} to [0-9a-f]{12}, config n changed from 1 to 2\.$/,
  );
  // The release before is not held for what another did.
  await world.until(async () => ((await breakerOf(world))?.status === 'closed' ? true : undefined));
  expect((await alertOf(world, 'breaker-open'))?.resolution).toContain('was taken back');
  const next = await world.run();
  expect(next.steps[0]).toMatchObject({ releaseId: A.id, status: 'succeeded' });
});

const canary: Strategy = {
  name: 'canary',
  stages: [
    { kind: 'canary', weight: 99, forMs: 0, tasks: 1_000, deadlineMs: 36_000_000 },
    { kind: 'switch' },
  ],
  rollbackOn: [],
};

it('ends a rollout whose candidate opened it, and leaves what is stable where it is', async () => {
  const world = await worldOf({ consecutiveFailures: 2 }, fails, C);
  await world.direct(B);
  // Less would be known of it than a canary needs.
  for (let n = 0; n < 20; n += 1) await world.run({ n });
  const id = await world.roll(C, canary);
  await world.until(async () => ((await world.env()).weight === 99 ? true : undefined));
  for (let n = 0; n < 4; n += 1) await world.begin({ n });
  const over = await world.settled(id);
  expect(over).toMatchObject({ status: 'rolled-back' });
  expect(over.abortedFor).toBe('its breaker opened, as 2 tasks in a row failed');
  expect(causeOf(over)).toBe('breaker');
  expect(await world.env()).toMatchObject({ stable: B.id, weight: 0 });
  expect((await world.until(() => alertOf(world, 'rollout-aborted'))).message).toContain('config n changed');
  await world.until(async () => ((await breakerOf(world))?.status === 'closed' ? true : undefined));
});

it('holds the work of a release that has none before it, as ever', async () => {
  const world = await worldOf({ consecutiveFailures: 2 }, fails, A);
  const before = await world.env();
  await world.begin();
  await world.until(async () => ((await breakerOf(world))?.status === 'open' ? true : undefined));
  await world.pass(30_000);
  expect(await world.env()).toEqual(before);
  expect((await breakerOf(world))?.status).toBe('open');
});

it('blames nothing that has worked for long, and nothing but what did the work', () => {
  const fresh = newEnvironment(AGENT, ENVIRONMENT, 0);
  const capsules = ['capsule-main', 'capsule-spare'];
  const moved = (env: Environment, wish: EnvironmentChange, now: number): Environment => {
    const decision = changeEnvironment(env, wish, now);
    if (!decision.ok) throw new Error(decision.reason);
    return withInstances(env, decision.environment, capsules, wish.type === 'rollback');
  };
  const first = moved(fresh, { type: 'promote', releaseId: A.id }, 1);
  const second = moved(first, { type: 'promote', releaseId: B.id }, 2);
  const tried = moved(second, { type: 'candidate', releaseId: C.id, weight: 5 }, 3);
  expect(goodBefore(first, A.id, 4)).toBeUndefined();
  expect(goodBefore(second, B.id, 2 + SUSPECT_MS)).toBe(A.id);
  expect(goodBefore(second, B.id, 3 + SUSPECT_MS)).toBeUndefined();
  expect(goodBefore(second, A.id, 4)).toBeUndefined();
  expect(goodBefore(tried, C.id, 4 + SUSPECT_MS)).toBe(B.id);
  // Somebody else was quicker: there is nothing to move, and nothing to hold.
  const back = moved(tried, { type: 'rollback' }, 5);
  expect([tried, back].map((env) => wasTakenBack(env, C.id))).toEqual([false, true]);
  expect([A, B].map((release) => wasTakenBack(back, release.id))).toEqual([false, false]);
});

it('is not opened by copies that are used for nothing', async () => {
  const world = await worldOf({ errorRate: 0.2 }, fails);
  const shadow: Strategy = {
    name: 'shadow',
    stages: [{ kind: 'shadow', forMs: 36_000_000, compare: ['output_equivalence'] }],
    rollbackOn: [],
  };
  const id = await world.roll(B, shadow);
  const over = await world.until(async () => {
    await world.run();
    const state = (await world.store.rollout(id))?.state;
    return state?.status === 'rolled-back' ? state : undefined;
  });
  expect(over.abortedFor).toContain('delivered something else');
  expect((await breakerOf(world))?.status ?? 'closed').toBe('closed');
});
