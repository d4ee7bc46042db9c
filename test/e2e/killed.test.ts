/** An orchestrator is killed with -9 at each stage of a run; the next one on its port finishes it. */
import { once } from 'node:events';
import type { Orchestrator } from '../../src/compose';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { freePort } from '../support/ports';
import { useProcesses } from '../support/processes';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, begun, ended, trigger } from './support/runs';
import { capsuleIdOf, World } from './support/world';

/** The dead one's claims run out soon. */
const limits = { claimMs: 700, sendTimeoutMs: 500, probeTimeoutMs: 300, rescaleMs: 300 };

describe('killed with -9', () => {
  const processes = useProcesses();
  let leaks: LeakCheck;
  let world: World;
  let port: number;
  let successor: Orchestrator | undefined;

  beforeAll(async () => {
    leaks = leakCheck();
    port = await freePort();
    world = await World.start({ agents: AGENTS.map((id) => ({ id })), workflows: [three] });
  });

  afterEach(async () => {
    world.platform.faults.clear();
    if (successor) await world.stop(successor);
    successor = undefined;
  });

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  const victim = (dieAt?: string) =>
    world.spawn(processes, { limits, env: { PORT: String(port), ...(dieAt && { DIE_AT: dieAt }) } });

  const succeeds = async (runId: string) => {
    successor = await world.orchestrate({ limits, env: { PORT: String(port) } });
    const run = await ended(successor, runId);
    expect(run.status).toBe('succeeded');
    expect(run.steps.map((s) => s.history.length)).toEqual([1, 1, 1]);
    expect(begun(world, runId)).toEqual({ 'do-alpha#1': 1, 'do-beta#1': 1, 'do-gamma#1': 1 });
    await allAsleep(world, successor);
  };

  /** The API's answer may be lost with the process: the run is found by its key. */
  const triggerAndLose = async (url: string, key: string, input: object = {}): Promise<void> => {
    await fetch(`${url}/workflows/three/runs`, {
      method: 'POST',
      body: JSON.stringify({ input }),
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
    }).catch(() => undefined);
  };

  test.each([
    ['the trigger', 'step:do-alpha:waiting'],
    ['the decision to wake', 'capsule:waking'],
    ['the agent was healthy', 'capsule:awake'],
    ['the lease was given', 'step:do-alpha:dispatching'],
    ['the job was accepted', 'step:do-beta:running'],
    ['the result', 'step:do-alpha:succeeded'],
    ['the decision to sleep', 'capsule:draining'],
    ['the last result', 'run:succeeded'],
  ])('right after the commit of %s', async (_what, stage) => {
    const { process, url } = await victim(stage);
    const slow = { act: { 'do-beta': 'slow:150' } };
    await triggerAndLose(url, stage, slow);
    expect(await process.exited).toMatchObject({ signal: 'SIGKILL' });
    const reader = await world.orchestrate({ env: { ROLE: 'web' } });
    const { items } = await reader.store.runs({}, 1);
    await world.stop(reader);
    await succeeds(items[0]?.id ?? '');
  });

  test('while the platform answers the scale-up', async () => {
    const { process, url } = await victim();
    world.platform.faults.set({ slowPatchMs: 100 }, capsuleIdOf('alpha'));
    const scaled = once(world.platform.events, 'scaled');
    const runId = await trigger({ url }, 'three');
    await scaled;
    process.kill('SIGKILL');
    await process.exited;
    await succeeds(runId);
  });

  test('while the capsule boots', async () => {
    const { process, url } = await victim();
    world.platform.faults.set({ coldStartMs: 800 }, capsuleIdOf('alpha'));
    const starting = once(world.platform.events, 'starting');
    const runId = await trigger({ url }, 'three');
    await starting;
    process.kill('SIGKILL');
    await process.exited;
    await succeeds(runId);
  });

  test('while the agent answers POST /run', async () => {
    const { process, url } = await victim();
    const runId = await trigger({ url }, 'three', acts({ 'do-alpha': 'slow-accept' }));
    await world.worked({ event: 'asked', runId });
    process.kill('SIGKILL');
    await process.exited;
    await world.release('alpha', runId, 'do-alpha');
    await succeeds(runId);
  });

  test('while the capsule goes to sleep', async () => {
    const { process, url } = await victim();
    world.platform.faults.set({ ignoreScaleToZeroMs: 500 }, capsuleIdOf('alpha'));
    const down = new Promise<void>((resolve) => {
      world.platform.events.on('scaled', ({ desired }) => desired === 0 && resolve());
    });
    const runId = await trigger({ url }, 'three', acts({ 'do-beta': 'slow:300' }));
    await down;
    process.kill('SIGKILL');
    await process.exited;
    await succeeds(runId);
  });
});
