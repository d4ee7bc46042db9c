import type { Orchestrator } from '../../src/compose';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, begun, ended, outputOf, statuses, trigger } from './support/runs';
import { World } from './support/world';

const retry = { attempts: 3, backoffSeconds: 0.2, maxBackoffSeconds: 1 };
const one = (id: string, agent: string, more: object = {}) => ({
  id,
  name: id,
  steps: [{ id: 'job', agent, timeoutSeconds: 30, ...more }],
});

describe('agents that misbehave', () => {
  let leaks: LeakCheck;
  let world: World;
  let orchestrator: Orchestrator;

  beforeAll(async () => {
    leaks = leakCheck();
    world = await World.start({
      agents: [
        ...AGENTS.map((id) => ({ id })),
        { id: 'never', env: { HEALTH: 'never' }, wakeTimeoutSeconds: 2 },
        { id: 'stillborn', env: { NODE_OPTIONS: '--no-such-option' }, wakeTimeoutSeconds: 1 },
      ],
      workflows: [
        three,
        one('single', 'alpha'),
        one('retried', 'alpha', { retry }),
        one('short', 'alpha', { timeoutSeconds: 1 }),
        one('never-healthy', 'never'),
        one('stillborn', 'stillborn'),
      ],
    });
    orchestrator = await world.orchestrate();
  });

  afterEach(() => allAsleep(world, orchestrator));

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  const run = async (workflowId: string, act: string | string[], more: object = {}) => {
    const runId = await trigger(orchestrator, workflowId, acts({ job: act }, more));
    return { runId, run: await ended(orchestrator, runId) };
  };

  test('a crash with the job in hand is noticed by the boot id and retried at once', async () => {
    const { runId, run: state } = await run('retried', ['crash', 'succeed']);
    expect(state.status).toBe('succeeded');
    const [lost, success] = state.steps[0]?.history ?? [];
    expect(lost).toMatchObject({ attempt: 1, outcome: 'lost' });
    expect(success).toMatchObject({ attempt: 2, outcome: 'success' });
    expect((success?.requestedAt ?? 0) - (lost?.endedAt ?? 0)).toBe(0);
    expect(begun(world, runId)).toEqual({ 'job#1': 1, 'job#2': 1 });
  });

  test('the agent that was restarted keeps its second job, however long that takes', async () => {
    // Longer than several looks at the agent: its new boot id must not count as another loss.
    const { runId, run: state } = await run('retried', ['crash', 'slow:1200']);
    expect(state.status).toBe('succeeded');
    expect(state.steps[0]?.history.map((h) => h.outcome)).toEqual(['lost', 'success']);
    expect(begun(world, runId)).toEqual({ 'job#1': 1, 'job#2': 1 });
  });

  test('a crash on each attempt fails the run once the attempts are used up', async () => {
    const { run: state } = await run('retried', 'crash');
    expect(state).toMatchObject({ status: 'failed', error: { kind: 'lost' } });
    expect(state.steps[0]?.history.map((h) => h.outcome)).toEqual(['lost', 'lost', 'lost']);
  });

  test('an agent that never gets healthy fails the step with its last answer', async () => {
    const { run: state } = await run('never-healthy', 'succeed');
    expect(state).toMatchObject({ status: 'failed', error: { kind: 'wake-failed' } });
    expect(state.error?.message).toMatch(/not healthy within \d+ ms.*HTTP 500/);
    const { items } = await orchestrator.store.shifts({ capsuleId: 'capsule-never' }, 10);
    expect(items).toHaveLength(2); // two wakes were tried, each put to sleep again
  });

  test('an agent whose process dies at start fails the step with what was seen', async () => {
    const { run: state } = await run('stillborn', 'succeed');
    expect(state).toMatchObject({ status: 'failed', error: { kind: 'wake-failed' } });
    expect(state.error?.message).toMatch(/ECONNREFUSED/);
  });

  test('a result whose webhook is lost is taken from the status', async () => {
    const { runId, run: state } = await run('single', 'lost');
    expect(state.status).toBe('succeeded');
    expect(await outputOf(orchestrator, runId, 'job')).toMatchObject({ job: 'done' });
    expect(world.work(runId).some((w) => w.event === 'delivered')).toBe(false);
  });

  test('a result that comes before the 202 counts, once', async () => {
    const runId = await trigger(
      orchestrator,
      'three',
      acts({ 'do-alpha': 'early', 'do-beta': 'early', 'do-gamma': 'early' }),
    );
    const state = await ended(orchestrator, runId);
    expect(statuses(state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(begun(world, runId)).toEqual({ 'do-alpha#1': 1, 'do-beta#1': 1, 'do-gamma#1': 1 });
  });

  test('a result that comes twice counts once, and both are acknowledged', async () => {
    const { runId, run: state } = await run('single', 'twice');
    expect(state.status).toBe('succeeded');
    await world.worked({ event: 'delivered', runId });
    const codes = world.work(runId).filter((w) => w.event === 'delivered');
    expect(codes.map((w) => w.status)).not.toContain(404);
    expect(state.steps[0]?.history).toHaveLength(1);
  });

  test('an agent that does not answer in time is told to stop, and the step fails', async () => {
    const { runId, run: state } = await run('short', 'hang');
    expect(state).toMatchObject({ status: 'failed', error: { kind: 'timeout' } });
    await world.worked({ event: 'cancelled', runId });
    const [attempt] = state.steps[0]?.history ?? [];
    expect((attempt?.endedAt ?? 0) - (attempt?.grantedAt ?? 0)).toBeGreaterThanOrEqual(1_200);
  });

  test('errors are retried with growing pauses', async () => {
    const { run: state } = await run('retried', ['error', 'error', 'succeed']);
    expect(state.status).toBe('succeeded');
    const [first, second, third] = state.steps[0]?.history ?? [];
    expect([first, second, third].map((h) => h?.outcome)).toEqual(['agent-error', 'agent-error', 'success']);
    // Half of each pause is fixed, half drawn: 100 to 200 ms, then 200 to 400 ms.
    expect((second?.requestedAt ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThanOrEqual(100);
    expect((third?.requestedAt ?? 0) - (second?.endedAt ?? 0)).toBeGreaterThanOrEqual(200);
  });

  test('a busy agent is asked again when it said, within the same attempt', async () => {
    const { runId, run: state } = await run('single', 'busy');
    expect(state.status).toBe('succeeded');
    const asked = world.work(runId).filter((w) => w.event === 'asked');
    expect(asked).toHaveLength(2);
    expect((asked[1]?.at ?? 0) - (asked[0]?.at ?? 0)).toBeGreaterThanOrEqual(950);
    expect(begun(world, runId)).toEqual({ 'job#1': 1 });
  });

  test('an agent that is not there for a moment is asked again', async () => {
    const { runId, run: state } = await run('single', 'unavailable');
    expect(state.status).toBe('succeeded');
    expect(begun(world, runId)).toEqual({ 'job#1': 1 });
  });

  test('a request the agent refuses is not sent again', async () => {
    const { runId, run: state } = await run('retried', 'reject');
    expect(state).toMatchObject({ status: 'failed', error: { kind: 'rejected' } });
    expect(state.error?.message).toContain('HTTP 422');
    expect(world.work(runId).filter((w) => w.event === 'asked')).toHaveLength(1);
  });
});
