/**
 * A campaign of minutes in which whatever an engine can get wrong has its chance: runs of every kind, faults at
 * every port, two orchestrators that die and are replaced. Loaded with the bugs planted; the judges are not.
 */
import type { Registry } from '../../src/registry';
import type { Engine } from '../../src/engine/engine';
import type { AgentRunResult } from '../../src/contract';
import type { Fault } from '../simulation/faults';
import type { Invariants } from '../simulation/invariants';
import { seededUuid } from '../simulation/random';
import type { Policies, PoliciesOptions } from '../simulation/policies';
import { triggerViolations } from '../simulation/policies';
import { EVENT, registryOf, simulatedInput } from '../simulation/registry';
import { World } from '../crash/world';
import type { Auditor } from './auditor';
import { Crowds } from './crowds';

export interface Judges {
  auditor: Auditor;
  invariants: (now: () => number) => Invariants;
  policies: (options: Pick<PoliciesOptions, 'now' | 'report'>) => Policies;
}

const MINUTE = 60_000;
/** How often something begins. */
const EVERY_MS = 20_000;
/** Longer than any attempt lasts: a minute of work, and some grace. */
const LATE_MS = 70_000;
/** Waits of half an hour end, and capsules are observed asleep. */
const DRAIN_MS = 65 * MINUTE;

/** The period of the registry's schedule: the end is between two of its times. */
const TICK_MS = 20 * MINUTE;
const FIELD_MINUTES = 20;

export async function field(seed: number, judges: Judges): Promise<string[]> {
  const { auditor, invariants } = judges;
  const registry = registryWithLongRetries();
  const said: string[] = [];
  const policies = judges.policies({ now: () => world.clock.now(), report: (what) => said.push(what) });
  const world: World = new World({
    seed,
    registry,
    invariants,
    rate: (fault: Fault) => RATES[fault] ?? 0.06,
    watch: (store) => policies.watch(auditor.watch(store)),
    onScale: (id, replicas) => auditor.scaling(id, replicas),
    delayMs: (call) => delayMs(call, world.random),
  });
  haunt(world);
  auditor.running = (id) => world.cloud.running(id);
  const failed = () => [...auditor.violations, ...world.invariants.violations, ...said];
  const crowds = new Crowds(world);
  const hire = () => guard(world.hire().engine, auditor);
  hire();
  hire();
  await world.run(0);
  for (let begun = 0; begun < (FIELD_MINUTES * MINUTE) / EVERY_MS; begun += 1) {
    start(world, begun);
    if (begun % 12 === 2) crowds.come();
    if (begun % 10 === 5) await stray(world, registry);
    if (begun % 15 === 7) {
      world.staff.find((process) => process.isAlive)?.kill();
      world.clock.after(10_000 * world.random(), hire);
    }
    await world.run(Math.round(EVERY_MS * 2 * world.random()));
    if (failed().length > 0) return failed();
  }
  world.faults.off();
  const end = Math.ceil((world.clock.now() + DRAIN_MS) / TICK_MS) * TICK_MS + TICK_MS / 2;
  // Until everything rests for two looks: nothing comes of itself after that.
  for (let rests = 0; rests < 2 && world.clock.now() < end && failed().length === 0;) {
    await world.run(MINUTE);
    rests = (await world.rests()) ? rests + 1 : 0;
  }
  await world.invariants.checkAtRest(world.truth, world.cloud);
  return [...failed(), ...triggerViolations(world.invariants.runs.values(), crowds)];
}

/** Faults that need to be as frequent as this to be met within minutes. */
const RATES: Partial<Record<Fault, number>> = {
  ...{ 'agent-error': 0.15, 'webhook-twice': 0.2, zombie: 0.3 },
  // The auditor holds a replica that runs again against whoever wrote down that none does.
  'scale-twice': 0,
};

/** Commits overlap; now and then a process hears of a capsule when its claim on it is over. */
function delayMs(call: 'capsule' | 'commit', random: () => number): number {
  if (call === 'commit') return Math.round(random() * 10);
  return random() < 0.04 ? 8_000 + Math.round(random() * 12_000) : 0;
}

/** Some jobs report success when their time is long over, beside whatever they reported before. */
function haunt(world: World): void {
  const { cloud, clock, random } = world;
  const run = cloud.run.bind(cloud);
  cloud.run = async (baseUrl, request) => {
    const { runId, stepId, workflowId, config } = request;
    const attempt = config.attempt ?? 1;
    const result = {
      runId,
      stepId,
      workflowId,
      attempt,
      status: 'success',
      output: {},
      durationMs: 1,
    } as const;
    if (random() < 0.4)
      clock.after(LATE_MS + random() * LATE_MS, () => void world.deliver(config.webhookUrl, result));
    return run(baseUrl, request);
  };
}

/** Somebody scales a sleeping capsule up by hand. */
async function stray({ truth, cloud }: World, { agents }: Registry): Promise<void> {
  for (const { capsuleId } of [...agents].reverse()) {
    if ((await truth.capsule(capsuleId))?.state.status !== 'asleep') continue;
    void cloud.scale(capsuleId, 1).catch(() => undefined); // a fault of the platform: it did not work
    return;
  }
}

/** More attempts than the simulation allows, so that pauses come to their limit. */
function registryWithLongRetries(): Registry {
  const { agents, workflows } = simulatedInput();
  const retry = { attempts: 9, backoffSeconds: 1, maxBackoffSeconds: 4 };
  const steps = [{ id: 'try', agent: 'beta', timeoutSeconds: 60, retry }];
  return registryOf({
    agents,
    workflows: [...workflows, { id: 'stubborn', name: 'Stubborn', steps }, EITHER],
  });
}

/** A join behind one step that is skipped and one that takes its time. */
const EITHER = {
  id: 'either',
  name: 'Either',
  steps: [
    { id: 'never', agent: 'alpha', needs: [], when: { path: 'input.key', equals: '' } },
    { id: 'slow', agent: 'beta', needs: [], timeoutSeconds: 60 },
    { id: 'after', agent: 'gamma', needs: ['never', 'slow'], join: 'any' as const, timeoutSeconds: 60 },
  ],
};

const KINDS = ['fork', 'either', 'one', 'each', 'stubborn', 'waits', 'three', 'each', 'fork'];

function start(world: World, begun: number): void {
  const { random, clock } = world;
  const workflowId = KINDS[begun % KINDS.length] as string;
  const key = seededUuid(random);
  const pages = [0, 1, 2, 3, 4].slice(0, Math.floor(random() * 6));
  const input = { key, customer: `customer-${begun % 3}`, pages, rare: random() < 0.5 };
  const options = { actor: 'field', idempotencyKey: key };
  void world
    .insist((process) => process.engine.trigger(workflowId, input, options))
    .then((answer) => {
      if (!('runId' in answer)) throw new Error(`not started: ${answer.kind}`);
      const { runId } = answer;
      if (begun % 4 === 3) clock.after(random() * 40_000, () => cancel(world, runId));
      if (workflowId !== 'waits') return;
      clock.after(random() * 120_000, () => {
        void world.insist((p) => p.engine.announce({ id: key, name: EVENT, key, payload: {} }, 'field'));
        clock.after(MINUTE, () => decide(world, runId));
      });
    });
}

const cancel = (world: World, runId: string): void =>
  void world.insist((process) => process.engine.cancel(runId, 'not wanted', 'field'));

/** A person looks every minute whether there is something to decide, for as long as the wait may last. */
function decide(world: World, runId: string, looks = 30): void {
  void world
    .insist((process) => process.engine.decide(runId, 'word', { approve: true }, 'field'))
    .then(({ outcome }) => {
      if (outcome !== 'changed' && looks > 0)
        world.clock.after(MINUTE, () => decide(world, runId, looks - 1));
    });
}

/** Tells the auditor of what is answered, and tries every result in ways that must not be let in first. */
function guard(engine: Engine, auditor: Auditor): void {
  const cancelRun = engine.cancel.bind(engine);
  const settle = engine.result.bind(engine);
  engine.cancel = async (...args) => {
    const answer = await cancelRun(...args);
    auditor.cancelled(args[0]);
    return answer;
  };
  engine.result = async (token, result) => {
    for (const [what, forgedToken, forged] of forgeries(token, result))
      auditor.forged(what, (await settle(forgedToken, forged)).kind);
    const outcome = await settle(token, result);
    if (outcome.kind !== 'refused') auditor.acknowledged(result);
    return outcome;
  };
}

function forgeries(token: string, result: AgentRunResult): Array<[string, string, AgentRunResult]> {
  const [payload = '', mac = ''] = token.split('.');
  const said = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [string, string, number, number];
  const later = JSON.stringify([said[0], said[1], said[2], said[3] + 1]);
  return [
    ['another attempt than its token', token, { ...result, attempt: (result.attempt ?? 1) + 1 }],
    ['another step than its token', token, { ...result, stepId: `not-${result.stepId}` }],
    ['a token of another expiry', `${Buffer.from(later).toString('base64url')}.${mac}`, result],
  ];
}
