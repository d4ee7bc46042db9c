import type { Orchestrator } from '../../src/compose';
import type { RunState } from '../../src/domain/run';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { AGENTS, three } from './support/registry';
import {
  acts,
  allAsleep,
  begun,
  capsuleIs,
  ended,
  outputOf,
  post,
  statuses,
  stepIs,
  succeeded,
  trigger,
} from './support/runs';
import { capsuleIdOf, World } from './support/world';

const retry = { attempts: 2, backoffSeconds: 60, maxBackoffSeconds: 60 };
const single = {
  id: 'single',
  name: 'Single',
  steps: [{ id: 'job', agent: 'alpha', timeoutSeconds: 30, retry }],
};

describe('cancelling and running again', () => {
  let leaks: LeakCheck;
  let world: World;
  let orchestrator: Orchestrator;

  beforeAll(async () => {
    leaks = leakCheck();
    world = await World.start({ agents: AGENTS.map((id) => ({ id })), workflows: [three, single] });
    orchestrator = await world.orchestrate();
  });

  afterEach(async () => {
    world.platform.faults.clear();
    await allAsleep(world, orchestrator);
  });

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  const cancel = (runId: string) =>
    post<{ status: string }>(`${orchestrator.url}/runs/${runId}/cancel`, { reason: 'enough' }, 200);

  const cancelled = async (runId: string): Promise<RunState> => {
    expect((await cancel(runId)).status).toBe('cancelled');
    const run = await ended(orchestrator, runId);
    expect(run).toMatchObject({ status: 'cancelled', error: { kind: 'cancelled', message: 'enough' } });
    expect((await cancel(runId)).status).toBe('cancelled'); // again: the same answer
    return run;
  };

  test('while it waits in line for the capsule: the one in front is not disturbed', async () => {
    const first = await trigger(orchestrator, 'single', acts({ job: 'hold' }));
    await stepIs(orchestrator, first, 'job', 'running');
    const second = await trigger(orchestrator, 'single');
    await stepIs(orchestrator, second, 'job', 'waiting');
    await cancelled(second);
    await world.release('alpha', first, 'job');
    await succeeded(orchestrator, first);
    expect(begun(world, second)).toEqual({});
  });

  test('while the capsule wakes: it is woken to the end and put to sleep', async () => {
    world.platform.faults.set({ coldStartMs: 400 }, capsuleIdOf('alpha'));
    const runId = await trigger(orchestrator, 'three');
    await capsuleIs(orchestrator, 'alpha', 'waking');
    const run = await cancelled(runId);
    expect(statuses(run)).toEqual(['cancelled', 'skipped', 'skipped']);
    expect(begun(world, runId)).toEqual({});
  });

  test('while the job is being sent: the agent is told', async () => {
    const runId = await trigger(orchestrator, 'single', acts({ job: 'slow-accept' }));
    await world.worked({ event: 'asked', runId });
    await cancelled(runId);
    await world.worked({ event: 'cancelled', runId });
  });

  test('while the agent works: it is told, and no later step begins', async () => {
    const runId = await trigger(orchestrator, 'three', acts({ 'do-alpha': 'hang' }));
    await stepIs(orchestrator, runId, 'do-alpha', 'running');
    const run = await cancelled(runId);
    await world.worked({ event: 'cancelled', runId });
    expect(statuses(run)).toEqual(['cancelled', 'skipped', 'skipped']);
  });

  test('between two steps: what was delivered is kept', async () => {
    world.platform.faults.set({ coldStartMs: 400 }, capsuleIdOf('beta'));
    const runId = await trigger(orchestrator, 'three');
    await stepIs(orchestrator, runId, 'do-beta', 'waiting');
    const run = await cancelled(runId);
    expect(statuses(run)).toEqual(['succeeded', 'cancelled', 'skipped']);
    expect(await outputOf(orchestrator, runId, 'do-alpha')).toMatchObject({ from: 'do-alpha' });
  });

  test('while it pauses before another attempt: that is not made', async () => {
    const runId = await trigger(orchestrator, 'single', acts({ job: ['error', 'succeed'] }));
    await stepIs(orchestrator, runId, 'job', 'backing-off');
    expect(statuses(await cancelled(runId))).toEqual(['cancelled']);
    expect(begun(world, runId)).toEqual({ 'job#1': 1 });
  });

  test('a run that is over cannot be cancelled', async () => {
    const runId = await trigger(orchestrator, 'single');
    await ended(orchestrator, runId);
    await post(`${orchestrator.url}/runs/${runId}/cancel`, {}, 409);
  });

  const rerun = async (runId: string, body: object) =>
    (await post<{ id: string }>(`${orchestrator.url}/runs/${runId}/rerun`, body, 201)).id;

  test('again from the step that failed: those before it are taken over, not redone', async () => {
    const failed = await trigger(orchestrator, 'three', acts({ 'do-beta': 'error' }));
    await ended(orchestrator, failed);
    const again = await rerun(failed, { input: acts({ 'do-beta': 'succeed' }) });
    const run = await ended(orchestrator, again);
    expect(statuses(run)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(run.steps.map((s) => s.reusedFrom)).toEqual([failed, undefined, undefined]);
    expect(begun(world, again)).toEqual({ 'do-beta#1': 1, 'do-gamma#1': 1 });
    const job = world.work(again).find((w) => w.event === 'job' && w.stepId === 'do-gamma');
    expect(job?.input?.steps).toMatchObject({
      'do-alpha': { from: 'do-alpha' },
      'do-beta': { from: 'do-beta' },
    });
  });

  test('again from a chosen step, with another input', async () => {
    const done = await trigger(orchestrator, 'three', { depth: 1 });
    await ended(orchestrator, done);
    const again = await rerun(done, { fromStep: 'do-gamma', input: { depth: 2 } });
    await succeeded(orchestrator, again);
    expect(begun(world, again)).toEqual({ 'do-gamma#1': 1 });
    const job = world.work(again).find((w) => w.event === 'job');
    expect(job?.input).toMatchObject({ depth: 2, 'do-alpha': 'done' });
  });

  test('not from a step whose predecessors never delivered, and not while it runs', async () => {
    const runId = await trigger(orchestrator, 'three', acts({ 'do-alpha': 'hold' }));
    await stepIs(orchestrator, runId, 'do-alpha', 'running');
    const rerunUrl = `${orchestrator.url}/runs/${runId}/rerun`;
    await post(rerunUrl, {}, 409);
    await cancelled(runId);
    await post(rerunUrl, { fromStep: 'do-gamma' }, 409);
  });
});
