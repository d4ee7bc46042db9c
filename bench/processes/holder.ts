/** The orchestrator as a process of its own, with workflows that wait for an event, a time and a person. */
import { isTerminal, type RunState } from '../../src/domain/run';
import { startOrchestrator, type ComposeSettings } from '../support/compose';
import { serve, settings } from '../support/serve';

/** What it can be asked for. */
export type HolderQuestion =
  /** Starts one run of each workflow and brings it to where it waits. */
  | { op: 'park' }
  /** One pass of the sweeper; milliseconds. */
  | { op: 'pass' }
  /** Announces an event for one of the waiting runs; milliseconds until that run has ended. */
  | { op: 'announce'; key: string };

export const EVENT = 'paid';
export const KEY = 'order';
const WEEK = 7 * 86_400;
const WAITS = [
  { id: 'event', step: { waitForEvent: { name: EVENT, key: 'input.order' }, timeoutSeconds: WEEK } },
  { id: 'time', step: { sleep: { seconds: WEEK }, timeoutSeconds: 2 * WEEK } },
  { id: 'person', step: { approval: { title: 'Shall it be done?' }, timeoutSeconds: WEEK } },
];

async function main(): Promise<void> {
  const orchestrator = await startOrchestrator(settings<ComposeSettings>(), {
    agents: [{ id: 'one', name: 'one', capsuleId: 'capsule-one', baseUrl: 'http://127.0.0.1:9/one' }],
    workflows: WAITS.map(({ id, step }) => ({
      id,
      name: id,
      steps: [{ id: 'wait', ...step }],
    })),
  });

  const { engine, store, events } = orchestrator;

  async function park(): Promise<void> {
    for (const { id } of WAITS) {
      const result = await engine.trigger(id, { order: KEY }, { actor: 'bench' });
      if (result.kind !== 'created') throw new Error(`the run was not created: ${result.kind}`);
      const run = (await store.run(result.runId))?.state;
      if (run?.steps[0]?.status !== 'parked') throw new Error(`the run of ${id} does not wait`);
    }
  }

  async function pass(): Promise<number> {
    const begin = performance.now();
    await engine.tick();
    return performance.now() - begin;
  }

  async function announce(key: string): Promise<number> {
    const begin = performance.now();
    let tell: (run: RunState) => void = () => undefined;
    const ended = new Promise<number>((resolve) => {
      tell = (run) => isTerminal(run.status) && resolve(performance.now() - begin);
      events.on('run', tell);
    }).finally(() => events.off('run', tell));
    const event = { id: crypto.randomUUID(), name: EVENT, key, payload: {} };
    const { delivered } = await engine.announce(event, 'bench');
    if (delivered !== 1) throw new Error(`${delivered} runs waited for ${key}`);
    return ended;
  }

  serve(
    (question: HolderQuestion) => {
      if (question.op === 'park') return park();
      return question.op === 'pass' ? pass() : announce(question.key);
    },
    () => orchestrator.close(),
  );
}

void main();
