/** Releases on the store in memory, under a virtual clock: an agent with a spare capsule, and an engine that is stepped. */
import type { AgentRunRequest, AgentRunResult } from '../../src/contract';
import type { Environment } from '../../src/domain/release/environment';
import { releaseId, type Release, type ReleaseManifest } from '../../src/domain/release/manifest';
import { isRolloutOver, type Rollout } from '../../src/domain/rollout/rollout';
import { STRATEGY_DEFAULTS, type Strategy } from '../../src/domain/rollout/strategy';
import { isTerminal, type RunState } from '../../src/domain/run';
import { loadRegistry } from '../../src/registry';
import { capsulesOf } from '../../src/registry/capsules';
import { createMemoryStore } from '../../src/store/memory';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';

export const AGENT = 'writer';
export const ENVIRONMENT = 'development';
export const BY = { actor: 'key:test' };
const START = Date.UTC(2026, 0, 5);
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export const releaseOf = (n: number): Release => {
  const manifest: ReleaseManifest = {
    ...{ manifestVersion: 1, agentId: AGENT, code: { tree: n.toString(16).padStart(40, '0') }, models: [] },
    ...{ prompts: [], tools: [], permissions: [], contractVersion: 1, config: { n } },
  };
  return { id: releaseId(manifest), agentId: AGENT, manifest, createdAt: START + n, createdBy: 'key:test' };
};

export type World = Awaited<ReturnType<typeof openWorld>>;

/**
 * @param work what the agents deliver; they can tell releases apart by the `releaseId` of the job
 * @param prepare what is different of the store, before the engine has it
 */
export async function openWorld(
  work: (request: AgentRunRequest) => Partial<AgentRunResult>,
  agent: Record<string, unknown> = {},
  broken: (capsuleId: string) => 'refused' | 'never-starts' | undefined = () => undefined,
  prepare: (store: ReturnType<typeof createMemoryStore>) => void = () => undefined,
) {
  const clock = new VirtualClock(START);
  const random = seeded(8);
  const faults = new Faults(seeded(9), () => 0);
  const store = createMemoryStore();
  prepare(store);
  const registry = registryOf(agent);
  /** Jobs in the order they were sent. */
  const jobs: AgentRunRequest[] = [];
  const deliver = async (url: string, result: AgentRunResult) => {
    await orchestrator.engine.result(new URL(url).searchParams.get('token') ?? '', result);
    return true;
  };
  const seen = (request: AgentRunRequest) => {
    if (!jobs.includes(request)) jobs.push(request);
    return { durationMs: 1_000, ...work(request) };
  };
  const cloud = new Cloud({ clock, random, faults, deliver, onScale: () => undefined, work: seen, broken });
  for (const { capsuleId, baseUrl } of registry.agents.flatMap(capsulesOf)) cloud.add(capsuleId, baseUrl);
  const hint = (what: Parameters<Orchestrator['take']>[0], delayMs: number) =>
    clock.after(delayMs, () => orchestrator.take(what));
  const orchestrator = new Orchestrator({ clock, random, store, cloud, registry, faults, log, hint });
  const { engine } = orchestrator;
  const pass = (ms: number) => clock.runUntil(clock.now() + ms, () => undefined);
  const told = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = promise.finally(() => (isOver = true));
    await clock.runUntil(
      clock.now() + 600_000,
      () => undefined,
      undefined,
      () => isOver,
    );
    return over;
  };
  /** Lets time pass until something is so. @throws when it is not within the time, in milliseconds */
  const until = async <T>(look: () => Promise<T | undefined>, within = 3_600_000): Promise<T> => {
    for (const end = clock.now() + within; clock.now() < end;) {
      const found = await look();
      if (found !== undefined) return found;
      await pass(1_000);
    }
    throw new Error('it did not come to that in time');
  };
  await told(engine.start());

  const begin = async (input: Record<string, unknown> = {}, workflowId = 'one'): Promise<string> => {
    const answer = await told(engine.trigger(workflowId, input, BY));
    if (!('runId' in answer)) throw new Error(answer.kind);
    return answer.runId;
  };
  const ended = (id: string): Promise<RunState> =>
    until(async () => {
      const state = (await store.run(id))?.state;
      return state && isTerminal(state.status) ? state : undefined;
    });
  const roll = async (release: Release, strategy: Strategy): Promise<string> => {
    const wish = { agentId: AGENT, environment: ENVIRONMENT, releaseId: release.id, strategy };
    const begun = await told(engine.rollouts.begin(wish, BY));
    if (begun.kind !== 'begun') throw new Error(begun.kind);
    return begun.rollout.id;
  };
  const settled = (id: string): Promise<Rollout> =>
    until(async () => {
      const state = (await store.rollout(id))?.state;
      return state && (isRolloutOver(state.status) || state.status === 'paused') ? state : undefined;
    });
  return {
    ...{ clock, store, cloud, engine, registry, jobs, pass, told, until, begin, ended, roll, settled },
    run: async (input: Record<string, unknown> = {}) => ended(await begin(input)),
    add: (release: Release) =>
      store.addRelease(release, new Map(), {
        ...{ at: START, actor: 'key:test', action: 'release.created', entity: 'release' as const },
        ...{ id: release.id, set: {} },
      }),
    direct: async (release: Release) => settled(await roll(release, STRATEGY_DEFAULTS.direct)),
    env: (): Promise<Environment> => engine.releases.load(AGENT, ENVIRONMENT),
  };
}

const step = (id: string) => ({
  ...{ id, agent: AGENT, timeoutSeconds: 60 },
  retry: { attempts: 2, backoffSeconds: 1 },
});

export function registryOf(agent: Record<string, unknown>) {
  const loaded = loadRegistry(
    {
      agents: [
        {
          ...{ id: AGENT, name: 'Writer', capsuleId: 'capsule-main', baseUrl: 'http://main.test' },
          spares: [{ capsuleId: 'capsule-spare', baseUrl: 'http://spare.test' }],
          ...{ lingerSeconds: 60, wakeTimeoutSeconds: 30 },
          ...agent,
        },
      ],
      workflows: [
        { id: 'one', name: 'One', steps: [step('work')] },
        { id: 'two', name: 'Two', steps: [step('first'), step('second')] },
      ],
    },
    {},
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.registry;
}
