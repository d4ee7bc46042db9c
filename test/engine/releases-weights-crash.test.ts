/** An orchestrator dies in the middle of a change of weights, at each write that there is, and another takes over. */
import { choose } from '../../src/domain/release/choose';
import type { Environment } from '../../src/domain/release/environment';
import { instanceOf } from '../../src/domain/release/placement';
import { isRolloutOver, type Rollout, type RolloutEvent } from '../../src/domain/rollout/rollout';
import type { Stage, Strategy } from '../../src/domain/rollout/strategy';
import { capsulesOf } from '../../src/registry/capsules';
import { createMemoryStore } from '../../src/store/memory';
import { openPostgresStore } from '../../src/store/postgres';
import type { Store } from '../../src/store/store';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';
import { freshDatabase } from '../store/postgres-database';
import { AGENT, BY, ENVIRONMENT, registryOf, releaseOf } from './releases-world';

/** Those that a rollout is made of. */
const WRITES = ['saveEnvironment', 'saveRollout'] as const;
type Fate = 'before' | 'after';
interface Death {
  /** Which write of the life. */
  at: number;
  /** Whether the write is still made. */
  fate: Fate;
}

/** Nobody works, so that each share ends with a person: 10 % and 50 % of the work, then all of it. */
const share = (weight: number): Stage => ({ kind: 'canary', weight, forMs: 0, tasks: 1, deadlineMs: 2_000 });
const SHARES: Strategy = {
  ...{ name: 'canary', rollbackOn: [] },
  stages: [share(10), share(50), { kind: 'switch' }, { kind: 'cleanup', withinMs: 0 }],
};
/** As often as the sweeper looks. */
const PASS_MS = 5_000;
/** Of a life at most. */
const PASSES = 100;
const KEYS = Array.from({ length: 2_000 }, (_, n) => `key-${n}`);
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

function worldOn(real: Store) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5));
  const random = seeded(8);
  const faults = new Faults(seeded(9), () => 0);
  const registry = registryOf({});
  const nobody = { deliver: () => Promise.resolve(true), onScale: () => undefined, work: () => ({}) };
  const cloud = new Cloud({ clock, random, faults, broken: () => undefined, ...nobody });
  for (const { capsuleId, baseUrl } of registry.agents.flatMap(capsulesOf)) cloud.add(capsuleId, baseUrl);
  let [writes, underWay] = [0, 0];
  const counted =
    (call: (...args: unknown[]) => Promise<unknown>) =>
    async (...args: unknown[]) => {
      underWay += 1;
      return call(...args).finally(() => (underWay -= 1));
    };
  const store = Object.fromEntries(
    Object.entries(real).map(([name, member]) => [
      name,
      typeof member === 'function' ? counted(member as (...args: unknown[]) => Promise<unknown>) : member,
    ]),
  ) as unknown as Store;

  /** A process on the store; it is dead once it has come to the write. */
  const start = async (death?: Death): Promise<Orchestrator> => {
    writes = 0;
    const one: { process?: Orchestrator } = {};
    const mortal = WRITES.map((name) => {
      const write = store[name].bind(store) as (...args: unknown[]) => Promise<boolean>;
      const until = async (...args: unknown[]): Promise<boolean> => {
        const isLast = (writes += 1) - 1 === death?.at;
        const written = isLast && death.fate === 'before' ? false : await write(...args);
        if (isLast) one.process?.kill();
        return written;
      };
      return [name, until] as const;
    });
    const own = { ...store, ...(Object.fromEntries(mortal) as Partial<Store>) };
    const hint = (what: Parameters<Orchestrator['take']>[0], delayMs: number) =>
      void clock.after(delayMs, () => one.process?.take(what));
    one.process = new Orchestrator({ clock, random, store: own, cloud, registry, faults, log: silent, hint });
    await told(one.process.engine.start());
    return one.process;
  };
  /** Time passes, and what the record was asked for meanwhile is answered. */
  const pass = async (): Promise<void> => {
    await clock.runUntil(clock.now() + PASS_MS, () => undefined);
    do await new Promise((resolve) => setImmediate(resolve));
    while (underWay > 0);
  };
  const told = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = promise.finally(() => (isOver = true));
    for (let n = 0; n < PASSES && !isOver; n += 1) await pass();
    return over;
  };
  return { store, start, pass, told, writes: () => writes };
}
type World = ReturnType<typeof worldOn>;

const environmentOf = async ({ store }: World): Promise<Environment> => {
  const env = await store.environment(AGENT, ENVIRONMENT);
  if (!env) throw new Error('there is no environment');
  return env;
};

/** One stable pointer, and every share of the work is that of a release that is in its place. */
function isSound(env: Environment, wanted: readonly string[]): void {
  const { stable = '', candidate, weight } = env;
  expect(wanted).toContain(stable);
  expect(candidate === undefined ? weight : 0).toBe(0);
  const chosen = KEYS.map((key) => choose(env, key) ?? 'nobody');
  const to = (release: string | undefined) =>
    (100 * chosen.filter((c) => c === release).length) / KEYS.length;
  expect(to(stable) + (candidate === undefined ? 0 : to(candidate))).toBe(100);
  expect(Math.abs(to(candidate) - weight)).toBeLessThan(4);
  for (const release of new Set(chosen)) expect(instanceOf(env, release)).toBeDefined();
}

/** A rollout from beginning to end, whoever dies meanwhile. @returns how it ended, and what was stable before */
async function live(world: World, n: number, ends: 'accepted' | 'aborted', death?: Death) {
  const { store, pass } = world;
  const candidate = releaseOf(n);
  const note = { at: 0, actor: BY.actor, action: 'release.created' as const, entity: 'release' as const };
  await store.addRelease(candidate, new Map(), { ...note, id: candidate.id, set: {} });
  const before = (await store.environment(AGENT, ENVIRONMENT))?.stable;
  const wish = { agentId: AGENT, environment: ENVIRONMENT, releaseId: candidate.id };
  const strategy = before === undefined ? { ...SHARES, stages: SHARES.stages.slice(2) } : SHARES;
  let process = await world.start(death);
  void process.engine.rollouts.begin({ ...wish, strategy }, BY);
  let died = false;
  const state = async (): Promise<Rollout | undefined> =>
    (await store.rollouts(5)).items.find((r) => r.candidate === candidate.id);
  for (let passes = 0; passes < PASSES; passes += 1) {
    await pass();
    const rollout = await state();
    if (before !== undefined) isSound(await environmentOf(world), [before, candidate.id]);
    if (!process.isAlive) {
      died = true;
      process = await world.start();
    }
    if (rollout && isRolloutOver(rollout.status)) break;
    // It died before there was anything to go on with.
    if (!rollout && died) break;
    if (rollout?.status === 'paused')
      void process.engine.rollouts.apply(rollout.id, wordOn(rollout, ends), BY);
  }
  await pass();
  const writes = world.writes();
  process.kill();
  const rollout = await state();
  const env = await environmentOf(world);
  const stable = rollout?.status === 'done' ? candidate.id : before;
  expect(env).toMatchObject({ stable, weight: 0 });
  expect(env.candidate).toBeUndefined();
  return { died, writes, status: rollout?.status ?? 'nothing' };
}

function wordOn({ stage }: Rollout, ends: 'accepted' | 'aborted'): RolloutEvent {
  if (ends === 'aborted' && stage === 1) return { type: 'abort', reason: 'enough' };
  const verdict = { verdict: 'pass' as const, reason: 'it may', evidence: [], at: 0, by: BY.actor };
  return { type: 'accept', verdict };
}

async function dieEverywhere(real: Store, fatesOf: (at: number) => Fate[]): Promise<void> {
  const world = worldOn(real);
  await live(world, 1, 'accepted');
  let n = 1;
  for (const [ends, status] of [
    ['accepted', 'done'],
    ['aborted', 'rolled-back'],
  ] as const) {
    const whole = await live(world, (n += 1), ends);
    expect(whole).toMatchObject({ died: false, status });
    // Each share, and the pointer, is a write of its own.
    expect(whole.writes).toBeGreaterThan(8);
    let deaths = 0;
    for (let at = 0; at < whole.writes; at += 1)
      for (const fate of fatesOf(at)) {
        const came = await live(world, (n += 1), ends, { at, fate });
        const isFirst = at === 0 && fate === 'before';
        expect({ at, fate, ...came }).toMatchObject({ status: isFirst ? 'nothing' : status });
        // Where a race was lost in one life and not in the other, there may be a write less.
        expect(came.died || came.writes <= at).toBe(true);
        if (came.died) deaths += 1;
      }
    expect(deaths).toBeGreaterThan(3);
  }
}

it('in memory, is finished or taken back by whoever comes next', () =>
  dieEverywhere(createMemoryStore(), () => ['before', 'after']));

it('on Postgres, too', async () => {
  const database = await freshDatabase();
  const store = await openPostgresStore(database.url);
  try {
    // After one write is before the next. Here it takes its time: every other one stands for all.
    await dieEverywhere(store, (at) => (at % 2 === 1 ? ['after'] : []));
  } finally {
    await store.close();
    await database.drop();
  }
});
