/** The orchestrator as a process of its own, that starts workflows by itself and waits for their ends. */
import type { RunState } from '../../src/domain/run';
import { isTerminal } from '../../src/domain/run';
import type { Orchestrator } from '../../src/compose';
import { startOrchestrator, type ComposeSettings } from '../support/compose';
import { keepInFlight, type Load } from '../support/load';
import { serve, settings } from '../support/serve';
import { dropLedger } from '../support/without-ledger';

export interface OrchestratorSettings extends ComposeSettings {
  agentUrl: string;
  /** Jobs that each of the agents takes at once; left out: more than the load. */
  slots?: number;
  /** Leaves the ledger out, to see what it costs. */
  withoutLedger?: true;
}

const WORKFLOW = 'chain';
const STEPS = ['one', 'two', 'three'];
/** Steps never wait in line. */
const MORE_THAN_LOAD = 1_000;

async function main(): Promise<void> {
  const given = settings<OrchestratorSettings>();
  if (given.withoutLedger) dropLedger();
  const orchestrator = await startOrchestrator(given, {
    agents: STEPS.map((id) => ({
      id,
      name: id,
      capsuleId: `capsule-${id}`,
      baseUrl: `${given.agentUrl}/${id}`,
      concurrency: given.slots ?? MORE_THAN_LOAD,
      lingerSeconds: 3_600,
    })),
    workflows: [{ id: WORKFLOW, name: 'Three steps', steps: STEPS.map((id) => ({ id, agent: id })) }],
  });
  const ends = new Ends(orchestrator);
  serve(
    (load: Load) => keepInFlight(load, () => ends.of(start(orchestrator))),
    () => orchestrator.close(),
  );
}

async function start({ engine }: Orchestrator): Promise<string> {
  const input = { siteUrl: 'https://example.com/' };
  const result = await engine.trigger(WORKFLOW, input, { actor: 'bench' });
  if (result.kind !== 'created') throw new Error(`the run was not created: ${result.kind}`);
  return result.runId;
}

/** Who waits for which run. A run may end before its starter knows its id. */
class Ends {
  private readonly waiting = new Map<string, (run: RunState) => void>();
  private readonly early = new Map<string, RunState>();

  constructor({ events }: Orchestrator) {
    events.on('run', (run) => {
      if (!isTerminal(run.status)) return;
      const tell = this.waiting.get(run.id);
      if (tell) tell(run);
      else this.early.set(run.id, run);
    });
  }

  async of(started: Promise<string>): Promise<void> {
    const id = await started;
    const known = this.early.get(id);
    const run = known ?? (await new Promise<RunState>((resolve) => this.waiting.set(id, resolve)));
    this.waiting.delete(id);
    this.early.delete(id);
    if (run.status !== 'succeeded') throw new Error(`run ${id} ${run.status}: ${run.error?.message ?? ''}`);
  }
}

void main();
