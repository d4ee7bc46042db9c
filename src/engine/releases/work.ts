/** Notes which release did which work, from what, and how it ended: what lineage and verdicts rest on. */
import type { AgentRunRequest, AgentRunResult } from '../../contract';
import { canonicalJson } from '../../domain/canonical-json';
import type { Act } from '../../domain/oversight/act';
import type { AgentStep } from '../../domain/plan';
import { sha256 } from '../../domain/release/manifest';
import { isTerminal, planOf, stepOf, type AttemptRecord, type RunState } from '../../domain/run';
import type { ReleaseWork, WorkEnd } from '../../store/release-store';
import type { StepResult } from '../../store/store';
import type { EngineDeps } from '../context';
import type { Tasks } from '../tasks';

/** Work that is noted as open for so long is looked after: who saw its end may have died. */
const OPEN_FOR_MS = 10_000;
const OPEN_BATCH = 100;
/** What is known of an end as it is committed. */
export interface Told {
  results: readonly StepResult[];
  acts: readonly Act[];
}

/** Of work that was never sent. */
const NO_INPUT = '';

export class WorkNotes {
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock' | 'log'>,
    private readonly tasks: Tasks,
    private readonly onEnded: (agentId: string) => void,
  ) {}

  /** Beside the way of the job: nobody waits for it. */
  begun({ runId, stepId, input, config }: AgentRunRequest, run: RunState, { agentId }: AgentStep): void {
    const { releaseId, attempt = 1 } = config;
    if (releaseId === undefined) return;
    const inputHash = sha256(canonicalJson(input));
    const work = { runId, stepId, attempt, agentId, releaseId, inputHash, at: this.deps.clock.now() };
    this.write(keyOf(work), () => this.deps.store.noteWork({ ...work, ...shadowOf(run) }));
  }

  ended(before: RunState, after: RunState, { results, acts }: Told): void {
    for (const step of after.steps) {
      const known = stepOf(before, step.id)?.history.length ?? 0;
      for (const record of step.history.slice(known)) {
        const result = results.find((r) => r.stepId === step.id && r.attempt === record.attempt)?.result;
        const isThis = (a: Act) => a.stepId === step.id && a.attempt === record.attempt;
        const violated = acts.some((act) => isThis(act) && act.incident !== undefined);
        this.end(after, step.id, record, { result, violated });
      }
    }
  }

  /** Work that is noted as open although its run knows its end. */
  async reconcile(): Promise<void> {
    const { store, clock } = this.deps;
    for (const work of await store.openWork(clock.now() - OPEN_FOR_MS, OPEN_BATCH)) {
      const run = (await store.run(work.runId))?.state;
      const record = run && stepOf(run, work.stepId)?.history.find((h) => h.attempt === work.attempt);
      const result = (await store.payloads(work.runId))?.results.find(
        (r) => r.stepId === work.stepId && r.attempt === work.attempt,
      )?.result;
      if (run && record) {
        const violated = await this.wasIncident(work, record);
        await store.endWork({ ...work, ended: { ...endOf(record, result), ...(violated && { violated }) } });
      }
      // Without a record of its own it was given up.
      else if (!run || isTerminal(run.status))
        await store.endWork({ ...work, ended: { outcome: 'cancelled', at: clock.now() } });
    }
  }

  /** The ledger has what oversight found, committed with the end itself. */
  private async wasIncident(
    { runId, agentId }: ReleaseWork,
    { endedAt }: AttemptRecord,
  ): Promise<true | undefined> {
    const about = { runId, action: 'oversight.incident', id: agentId, from: endedAt, to: endedAt + 1 };
    const { items } = await this.deps.store.searchLedger(about, 1);
    return items.length > 0 || undefined;
  }

  private end(
    run: RunState,
    stepId: string,
    record: AttemptRecord,
    { result, violated }: { result: AgentRunResult | undefined; violated: boolean },
  ): void {
    const { releaseId, attempt } = record;
    const plan = planOf(run, stepId);
    // A wait for a person's word is nobody's work.
    if (releaseId === undefined || plan.kind !== 'agent' || record.kind === 'approval') return;
    const work: ReleaseWork = {
      ...{ runId: run.id, stepId, attempt, agentId: plan.agentId, releaseId, inputHash: NO_INPUT },
      ...{ at: record.grantedAt ?? record.requestedAt },
      ...shadowOf(run),
    };
    this.write(keyOf(work), async () => {
      const ended = { ...endOf(record, result), ...(violated && { violated: true as const }) };
      await this.deps.store.endWork({ ...work, ended });
      this.onEnded(plan.agentId);
    });
  }

  /** One after the other for each piece of work: its beginning carries the hash of its input. */
  private write(key: string, write: () => Promise<void>): void {
    const turn = (this.underWay.get(key) ?? Promise.resolve()).then(write);
    const settled = turn.catch(() => undefined);
    this.underWay.set(key, settled);
    void settled.then(() => this.underWay.get(key) === settled && this.underWay.delete(key));
    this.tasks.spawn('note work', () => turn);
  }
}

const keyOf = ({ runId, stepId, attempt }: Pick<ReleaseWork, 'runId' | 'stepId' | 'attempt'>): string =>
  `${runId}/${stepId}/${attempt}`;

const shadowOf = ({ trigger }: RunState): { shadow?: true } =>
  trigger.kind === 'shadow' ? { shadow: true } : {};

function endOf(record: AttemptRecord, result: AgentRunResult | undefined): WorkEnd {
  const { usage = [], actions = [], needsHuman } = result ?? {};
  const costs = [...usage, ...actions].flatMap(({ costUsd }) => costUsd ?? []);
  const from = record.grantedAt ?? record.requestedAt;
  return {
    outcome: record.outcome,
    at: record.endedAt,
    durationMs: record.endedAt - from,
    ...(costs.length > 0 && { costUsd: costs.reduce((sum, cost) => sum + cost, 0) }),
    ...((needsHuman !== undefined || record.outcome === 'declined') && { intervened: true }),
  };
}
