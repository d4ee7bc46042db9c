/**
 * Workflows that the end of another one's run starts. What is to be done is kept in the run that ended
 * until it is done, so that a crash right after its last commit loses nothing; each run is begun once.
 */
import type { LedgerEntry } from '../../domain/ledger';
import { isTerminal, type RunState } from '../../domain/run';
import { dataOf } from '../payloads';
import type { EngineDeps } from '../context';
import { derivedId } from '../derived-id';
import type { Runs } from '../runs';
import type { Triggers } from '../trigger';
import { inputFor } from './told';

/** Runs that start runs: the registry allows no circle, and this holds if two registries together make one. */
export const MAX_CHAIN = 20;

export class Followers {
  constructor(
    private readonly deps: Pick<EngineDeps, 'registry' | 'store' | 'clock' | 'log'>,
    private readonly runs: Runs,
    private readonly triggers: Triggers,
  ) {}

  /** Does the todo `start-followers` of a run that is over, and notes that it is done. */
  async start(run: RunState): Promise<void> {
    const depth = (run.trigger.kind === 'run' ? run.trigger.depth : 0) + 1;
    if (depth > MAX_CHAIN) await this.refuse(run);
    else await this.startAll(run, depth);
    await this.runs.apply(run.id, { type: 'done', todo: { kind: 'start-followers' } });
  }

  private async startAll(run: RunState, depth: number): Promise<void> {
    if (!isTerminal(run.status)) return;
    const { told, output } = await this.tell(run);
    for (const workflow of this.deps.registry.workflows) {
      const rules = (workflow.on?.run ?? []).filter(
        (rule) => rule.workflow === run.workflowId && (rule.status === 'any' || rule.status === run.status),
      );
      const input = rules.map((rule) => inputFor(rule, told, output)).find((found) => found !== undefined);
      if (!input) continue;
      const trigger = { kind: 'run' as const, of: run.id, depth };
      const options = { actor: `run:${run.id}`, id: derivedId('run', run.id, workflow.id) };
      await this.triggers.begin(workflow, trigger, input, options);
    }
  }

  /** What the triggers read of a run, and its outputs merged in the order written. */
  private async tell(run: RunState) {
    const payloads = await this.runs.payloads(run.id);
    const { input, steps } = payloads ? dataOf(payloads) : { input: {}, steps: {} };
    const output = Object.fromEntries(run.plan.flatMap((s) => Object.entries(steps[s.id] ?? {})));
    const { id, workflowId, status, error } = run;
    const told = { run: { id, workflowId, status, input, output, steps, ...(error && { error }) } };
    return { told, output };
  }

  private async refuse({ id, workflowId }: RunState): Promise<void> {
    const reason = `${MAX_CHAIN} runs started each other in a row`;
    this.deps.log.error({ runId: id, workflowId }, `nothing follows this run: ${reason}`);
    const at = this.deps.clock.now();
    const entry: LedgerEntry = {
      at,
      actor: 'engine',
      action: 'run.not-followed',
      entity: 'run',
      id,
      set: {},
      reason,
    };
    await this.deps.store.commit({ at, ledger: [entry] });
  }
}
