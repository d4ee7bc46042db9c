/**
 * One rich minute of an orchestrator's life: an agent's step, a list, a wait for an event, a failure that opens a
 * breaker and is tried again, a prewarmed step, a cancel, runs in line, a release that is rolled out. It ends the same
 * way, whenever the orchestrator dies and another takes over.
 */
import type { LedgerEntry } from '../../src/domain/ledger';
import { loadRegistry } from '../../src/registry';
import type { Change, Store } from '../../src/store/store';
import { Auditor } from '../mutations/auditor';
import { Invariants } from '../simulation/invariants';
import { BLUE_GREEN, ENVIRONMENT, putOnRecord, releaseOf } from '../simulation/deployer';
import { Pointers } from '../simulation/pointers';
import { EVENT } from '../simulation/registry';
import type { Fate } from './process';
import { World } from './world';

/** Where the orchestrator dies: at its n-th await, before the call or when it was executed and not yet heard of. */
export interface Death {
  at: number;
  fate: Exclude<Fate, 'lives'>;
}

/** An await of the orchestrator that is to die. */
export interface Await {
  call: string;
  /** How the world stood: two awaits of one moment are the same to everybody but the process itself. */
  moment: string;
}

export interface Ended {
  awaits: Await[];
  violations: string[];
  /** How each run ended, what was decided of the scheduled time, and what became of the rollout. */
  outcome: string[];
  /** What the ledger tells of, each once. */
  actions: string[];
}

/** A scheduled time comes shortly after the start. */
const TICK = Date.UTC(2026, 0, 5, 6, 0, 0);
const START = TICK - 20_000;
/** When a supervisor has another orchestrator up. */
const SUCCEEDED_AFTER_MS = 3_000;
const LINGER_MS = 3_000;
/** Everything is over by then, even for those who have to begin anew. */
const WHOLE_MS = 10 * 60_000;
/** Nothing more is asked for from outside after this; what is over has this long to show that it stays so. */
const QUIET_MS = 10_000;
const MAX_LEDGER = 10_000;
const PAID_AT_MS = 22_000;
const ROLLED_AT_MS = 300;
/** The shortest job takes longer. */
const INTO_WORK_MS = 200;
/** What is rolled out while its agent is at work. */
const RELEASE = releaseOf('beta', 0);
/** Boots take no longer than it takes to ask after them a few times: each of these is the same wake. */
const BOOT_MS = [250, 100] as const;
/** Runs that are asked for, besides the one of the schedule: what they are known by, and their workflow. */
const ASKED = { rich: 'rich', stopped: 'stopped', first: 'lined', second: 'lined' } as const;
/** Calls that change nothing in the world. */
const READS =
  /^(clock\.|agents\.(health|status)|platform\.(observe|name)|queue\.(schedules|ping|setSchedules|work))/;
const WRITES =
  /^store\.(commit|add|book|claim|clear|declare|drop|note|progress|purge|raise|resolve|save|keep|end|settle|trim)/;

export const changesTheWorld = (call: string): boolean =>
  call.startsWith('store.') ? WRITES.test(call) : !READS.test(call);

const registry = (() => {
  const retry = { attempts: 4, backoffSeconds: 2 };
  const step = (id: string, agent: string, more: object = {}) => ({
    id,
    agent,
    timeoutSeconds: 60,
    retry,
    ...more,
  });
  const loaded = loadRegistry(
    {
      agents: ['alpha', 'beta', 'gamma'].map((id, i) => ({
        ...{ id, name: id, capsuleId: `capsule-${id}`, baseUrl: `http://${id}.test`, wakeTimeoutSeconds: 30 },
        lingerSeconds: i === 1 ? LINGER_MS / 1_000 : 0,
        // One is opened by the first failure of all, and closed by the job that is tried again.
        breaker: { consecutiveFailures: 1, openSeconds: 3 },
      })),
      workflows: [
        {
          ...{ id: 'rich', name: 'Rich', prewarm: 'pipeline' as const },
          steps: [
            step('first', 'alpha'),
            step('list', 'beta', { forEach: { items: 'input.pages', concurrency: 2 } }),
            { id: 'paid', waitForEvent: { name: EVENT, key: 'input.key' }, timeoutSeconds: 600 },
            step('last', 'gamma'),
          ],
        },
        {
          ...{ id: 'stopped', name: 'Stopped' },
          steps: [step('begin', 'gamma'), { id: 'rest', sleep: { seconds: 1_200 } }],
          finally: [step('tidy', 'alpha')],
        },
        {
          ...{ id: 'timed', name: 'Timed', prewarm: 'schedule' as const },
          schedule: { cron: '0 6 5 1 *', timezone: 'UTC' },
          steps: [step('only', 'beta')],
        },
        { id: 'lined', name: 'Lined', concurrency: { limit: 1 }, steps: [step('turn', 'gamma')] },
      ],
    },
    {},
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.registry;
})();

/** Lives through it all, with a death or without. */
export async function live(death?: Death, truth?: Store): Promise<Ended> {
  const auditor = new Auditor();
  const wrong: string[] = [];
  const pointers = new Pointers((violation) => wrong.push(violation));
  let failures = 1;
  const world: World = new World({
    seed: 5,
    startsAt: START,
    // Quick agents: a wake that is asked after a hundred times is the same wake.
    spread: 0.1,
    registry,
    invariants: (now) => new Invariants(now, LINGER_MS),
    bootMs: BOOT_MS,
    // The first job of all reports an error; nothing else goes wrong by itself.
    rate: (fault) => (fault === 'agent-error' && failures-- > 0 ? 1 : 0),
    watch: (store) => pointers.watch(auditor.watch(store)),
    onScale: (id, replicas) => auditor.scaling(id, replicas),
    ...(truth && { truth }),
  });
  auditor.running = (id) => world.cloud.running(id);
  const awaits: Await[] = [];
  let changes = 0;
  world.hire((call) => {
    awaits.push({ call, moment: `${world.clock.now() - START}/${changes}` });
    if (changesTheWorld(call)) changes += 1;
    if (awaits.length - 1 !== death?.at) return 'lives';
    world.clock.after(SUCCEEDED_AFTER_MS, () => world.hire());
    return death.fate;
  });
  await putOnRecord(world.truth, RELEASE);
  world.invariants.onCommit = stopAtWork(world);
  await world.run(0);
  const ids = play(world);
  await untilRest(world, ids);
  await world.invariants.checkAtRest(world.truth, world.cloud);
  await pointers.checkAtRest(world.truth);
  const outcome = await outcomeOf(world, ids);
  const ledger = (await world.truth.ledger(0, MAX_LEDGER)).map(({ body }) => JSON.parse(body) as LedgerEntry);
  const actions = [...new Set(ledger.map(({ action }) => action))].sort();
  const violations = [...auditor.violations, ...world.invariants.violations, ...wrong];
  return { awaits, violations, outcome, actions };
}

async function outcomeOf({ truth }: World, ids: Map<string, string>): Promise<string[]> {
  const ticks = await truth.ticks('timed', 10);
  const [env] = await truth.environments();
  const stable = env?.stable === RELEASE.id ? 'rolled out' : `stable is ${env?.stable}`;
  const all = [...Object.keys(ASKED).map((name) => ids.get(name)), ...ticks.map(({ runId }) => runId)];
  const runs = await Promise.all(all.map((id) => truth.run(id ?? '')));
  const statuses = runs.map((run) => run?.state.status ?? 'missing');
  return [...statuses, ...ticks.map(({ action }) => action), stable];
}

/** Lives on until all runs are over and everything sleeps, and a moment longer. */
async function untilRest(world: World, ids: Map<string, string>): Promise<void> {
  const { clock, truth, cloud } = world;
  let restedSince: number | undefined;
  while (clock.now() < START + WHOLE_MS) {
    await world.run(QUIET_MS);
    const ticks = await truth.ticks('timed', 1);
    const known = [...ids.values(), ...ticks.flatMap(({ runId }) => runId ?? [])];
    const runs = await Promise.all(known.map((id) => truth.run(id)));
    const over =
      runs.length === Object.keys(ASKED).length + 1 &&
      runs.every((run) => run?.state.finishedAt !== undefined && !run.state.todo);
    const asleep = (await truth.capsules()).every(
      ({ state }) => state.status === 'asleep' && cloud.running(state.id) === 0,
    );
    const isRolled = (await truth.environments()).length > 0 && (await truth.openRollouts()).length === 0;
    const rests = over && asleep && isRolled && world.staff.some((process) => process.isAlive);
    if (rests && restedSince !== undefined) return;
    restedSince = rests ? clock.now() : undefined;
  }
}

/** What happens around it, at times of its own. Answers the ids of the runs, once they are known. */
function play(world: World): Map<string, string> {
  const ids = new Map<string, string>();
  const at = (ms: number, act: () => void) => void world.clock.after(ms, act);
  const input = { key: 'order-1', pages: ['a', 'b', 'c'] };
  for (const [name, workflowId] of Object.entries(ASKED)) {
    const options = { actor: 'crash', idempotencyKey: name };
    void world
      .insist(({ engine }) => engine.trigger(workflowId, input, options))
      .then((answer) => 'runId' in answer && ids.set(name, answer.runId));
  }
  const wish = {
    ...{ agentId: 'beta', environment: ENVIRONMENT },
    ...{ releaseId: RELEASE.id, strategy: BLUE_GREEN },
  };
  at(ROLLED_AT_MS, () => void world.insist(({ engine }) => engine.rollouts.begin(wish, { actor: 'crash' })));
  const event = { id: 'event-1', name: EVENT, key: 'order-1', payload: { paid: true } };
  at(PAID_AT_MS, () => void world.insist(({ engine }) => engine.announce(event, 'crash')));
  return ids;
}

/** Cancels the run that is to be stopped while its agent is at work. */
function stopAtWork(world: World): (change: Change) => void {
  let isAsked = false;
  return ({ run }) => {
    if (isAsked || run?.state.workflowId !== ASKED.stopped) return;
    const [work, rest] = run.state.steps;
    // A job whose acceptance nobody noted may be over before it is known to be under way.
    if (work?.status !== 'running' && rest?.status === 'pending') return;
    isAsked = true;
    const { id } = run.state;
    const stop = () => void world.insist(({ engine }) => engine.cancel(id, 'crash', 'crash'));
    world.clock.after(INTO_WORK_MS, stop);
  };
}
