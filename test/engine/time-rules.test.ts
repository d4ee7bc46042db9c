/** Rules of steps and runs that time decides: waits for a time, limits of whole runs, and which failures come again. */
import { mayRetry, backoff } from '../../src/domain/attempt';
import type { StepPlan } from '../../src/domain/plan';
import type { RunState, StepState } from '../../src/domain/run';
import type { Log } from '../../src/engine/ports';
import { loadRegistry, type RegistryInput } from '../../src/registry';
import { createMemoryStore } from '../../src/store/memory';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';

const START = Date.UTC(2026, 0, 5);
const MINUTE = 60_000;
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** An orchestrator with these workflows in virtual time; its agent answers every job with an error. */
async function open(workflows: RegistryInput['workflows']) {
  const clock = new VirtualClock(START);
  const random = seeded(1);
  const faults = new Faults(random, (fault) => (fault === 'agent-error' ? 1 : 0));
  const store = createMemoryStore();
  const agent = { id: 'alpha', name: 'Alpha', capsuleId: 'capsule-alpha', baseUrl: 'http://alpha.test' };
  const loaded = loadRegistry({ agents: [agent], workflows }, {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const deliver = async (url: string, result: Parameters<Orchestrator['engine']['result']>[1]) => {
    await orchestrator.engine.result(new URL(url).searchParams.get('token') ?? '', result);
    return true;
  };
  const cloud = new Cloud({ clock, random, faults, deliver, onScale: () => undefined });
  cloud.add(agent.capsuleId, agent.baseUrl);
  const { registry } = loaded;
  const world = { clock, random, store, cloud, registry, faults, log: SILENT, hint: () => undefined };
  const orchestrator = new Orchestrator(world);
  const pass = (ms: number) => clock.runUntil(clock.now() + ms, () => undefined);
  const started = orchestrator.engine.start();
  await pass(10);
  await started;
  /** Starts a run. Answers how it stands whenever asked. */
  const start = async (id: string, input: Record<string, unknown> = {}) => {
    const triggered = orchestrator.engine.trigger(id, input, { actor: 'test' });
    await pass(10);
    const answer = await triggered;
    if (answer.kind !== 'created') throw new Error(answer.kind);
    return async (): Promise<RunState> => {
      const run = await store.run(answer.runId);
      if (!run) throw new Error(`run ${answer.runId} is gone`);
      return run.state;
    };
  };
  return { start, pass };
}

describe('a step that waits for a time', () => {
  const workflows = [{ id: 'until', name: 'Until', steps: [{ id: 'wait', sleep: { until: 'input.at' } }] }];

  it.each([
    ['ISO 8601', new Date(START + 10 * MINUTE).toISOString()],
    ['epoch milliseconds', START + 10 * MINUTE],
  ])('goes on then, as %s says, and not before', async (_, at) => {
    const { start, pass } = await open(workflows);
    const run = await start('until', { at });
    await pass(9 * MINUTE);
    expect((await run()).steps[0]?.status).toBe('parked');
    await pass(MINUTE + 10_000);
    expect(await run()).toMatchObject({ status: 'succeeded' });
  });

  it('goes on at once when that is past, and fails where there is none', async () => {
    const { start, pass } = await open(workflows);
    const past = await start('until', { at: START - MINUTE });
    const none = await start('until', { at: 'soon' });
    await pass(10_000);
    expect((await past()).status).toBe('succeeded');
    expect(await none()).toMatchObject({ status: 'failed', error: { kind: 'bad-data' } });
  });
});

it('a run that takes longer than its workflow allows ends then, and its last steps still have their turn', async () => {
  const rest = (id: string, seconds: number) => ({ id, sleep: { seconds }, timeoutSeconds: 100 });
  const { start, pass } = await open([
    {
      ...{ id: 'long', name: 'Long', timeoutSeconds: 100 },
      steps: [rest('first', 90), rest('second', 90), rest('third', 90)],
      finally: [rest('tidy', 1)],
    },
  ]);
  const run = await start('long');
  await pass(95_000);
  expect((await run()).steps.slice(0, 2).map(({ status }) => status)).toEqual(['succeeded', 'parked']);
  await pass(15_000);
  const { status, error, steps } = await run();
  expect({ status, error }).toMatchObject({ status: 'failed', error: { kind: 'timeout' } });
  expect(steps.find(({ id }) => id === 'third')?.status).not.toBe('succeeded');
  expect(steps.find(({ id }) => id === 'tidy')?.status).toBe('succeeded');
});

describe('a failure', () => {
  it('comes again only where the step names its kind', async () => {
    const step = (id: string, on: Array<'timeout' | 'agent-error'>) => ({
      ...{ id, agent: 'alpha', needs: [], optional: true },
      retry: { attempts: 3, backoff: 'fixed' as const, backoffSeconds: 1, on },
    });
    const { start, pass } = await open([
      { id: 'tries', name: 'Tries', steps: [step('named', ['agent-error']), step('other', ['timeout'])] },
    ]);
    const run = await start('tries');
    await pass(10 * MINUTE);
    expect((await run()).steps.map(({ id, attempt }) => [id, attempt])).toEqual([
      ['named', 3],
      ['other', 1],
    ]);
  });

  it('that trying again cannot mend is final, whatever the step names', () => {
    const plan = { attempts: 3 } as StepPlan;
    const step = { attempt: 1 } as StepState;
    expect(mayRetry(plan, step, 'timeout')).toBe(true);
    for (const kind of ['rejected', 'bad-data', 'declined', 'cancelled'] as const)
      expect([kind, mayRetry({ ...plan, retryOn: [kind] }, step, kind)]).toEqual([kind, false]);
  });

  it('is followed by a pause that stays or doubles, up to its limit, half of it by chance', () => {
    const pauses = (how: 'fixed' | 'exponential', random: number) =>
      [1, 2, 3, 4].map((attempt) =>
        backoff({ backoff: how, backoffMs: 1_000, maxBackoffMs: 3_000 } as StepPlan, attempt, random),
      );
    expect(pauses('fixed', 0)).toEqual([500, 500, 500, 500]);
    expect(pauses('fixed', 0.999_999)).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect(pauses('exponential', 0)).toEqual([500, 1_000, 1_500, 1_500]);
    expect(pauses('exponential', 0.999_999)).toEqual([1_000, 2_000, 3_000, 3_000]);
  });
});
