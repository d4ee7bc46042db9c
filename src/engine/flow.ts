/**
 * Lets runs start that wait in line. Whoever hears that something moved (a run was made or ended, a time
 * came, the sweeper) asks the same question of the record; the commit of a start checks every limit again.
 */
import {
  admission,
  debounceKey,
  deduplicationOf,
  flowOf,
  gateText,
  putOff,
  replaced,
  withoutToken,
  type Admission,
  type Deduplication,
  type FlowUse,
  type Gate,
} from '../domain/flow';

import type { RunState } from '../domain/run';
import type { Workflow } from '../registry';
import type { FlowHead } from '../store/flow';
import type { EngineDeps } from './context';
import type { Runs } from './runs';

/** Lines looked at in one round; the next round looks at what is first then. */
const MAX_HEADS = 100;
/** Rounds of one release; the sweeper goes on with what is left. */
const MAX_ROUNDS = 1_000;
/** Runs of one gate or one debounce key that are looked at. */
const MAX_MEMBERS = 1_000;
const MAX_WORKFLOWS = 1_000;
const MAX_REMEMBERED_HINTS = 10_000;

interface Asked {
  /** Made by its schedule while others are under way, and to wait for them. */
  hold?: boolean | undefined;
  priority?: number | undefined;
}

/** What a new run has to wait for, by the present rules of its workflow, and what it must not repeat. */
export async function entering(
  deps: EngineDeps,
  run: RunState,
  input: Record<string, unknown>,
  asked: Asked,
): Promise<{ run: RunState; deduplicate?: Deduplication }> {
  const workflow = deps.registry.findWorkflow(run.workflowId);
  // What a step begins belongs to a run that had its turn already.
  if (!workflow || run.trigger.kind === 'step') return { run };
  const now = run.createdAt;
  const flow = flowOf(workflow, workflow.id, input, scheduledOf(workflow, asked));
  const key = debounceKey(workflow, workflow.id, input);
  const again = run.trigger.kind === 'rerun';
  const late = flow && key !== undefined && !again;
  const first = late ? (await deps.store.flowPutOff(key, 1))[0] : undefined;
  const firstAt = first && ((await deps.store.run(first.runId))?.state.flow?.debounce?.firstAt ?? now);
  const held = late ? putOff(flow, workflow, key, now, firstAt ?? now) : flow;
  const deduplicate = again ? undefined : deduplicationOf(workflow, workflow.id, input, now);
  const priority = priorityOf(workflow, asked.priority);
  return {
    run: { ...run, ...(priority !== 0 && { priority }), ...(held && { flow: held }) },
    ...(deduplicate && { deduplicate }),
  };
}

function scheduledOf({ schedule }: Workflow, { hold }: Asked): 'waits' | 'counts' | undefined {
  if (hold) return 'waits';
  return schedule?.overlap === 'queue' ? 'counts' : undefined;
}

/** What is asked for, within the workflow's bounds. */
function priorityOf({ priority }: Workflow, asked: number | undefined): number {
  if (!priority) return 0;
  return Math.min(priority.max, Math.max(priority.min, asked ?? priority.default));
}

export class Flow {
  /** Releases under way, by workflow; `again` once something moved meanwhile. */
  private readonly releasing = new Map<string, { again: boolean; done: Promise<void> }>();
  /** For when a look at each bucket is asked for already. */
  private readonly hinted = new Map<string, number>();

  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
  ) {}

  /** A run was made that has to wait its turn, or its time may have come. */
  async entered(run: RunState): Promise<void> {
    const { flow } = run;
    if (flow?.debounce) await this.keepNewest(flow.debounce.key);
    const wait = (flow?.notBefore ?? 0) - this.deps.clock.now();
    if (wait > 0) await this.deps.queue.hint({ kind: 'run', id: run.id }, wait);
    await this.release(run.workflowId);
  }

  /** Somebody pointed at a run: it may be one that waits, or one whose end lets others start. */
  async pointed(runId: string): Promise<void> {
    const run = (await this.runs.get(runId))?.state;
    if (!run?.flow || run.status === 'running') return;
    if (run.status === 'queued') await this.entered(run);
    else await this.release(run.workflowId);
  }

  /** What everybody else missed. */
  async sweep(): Promise<void> {
    for (const workflowId of await this.deps.store.flowWorkflows(MAX_WORKFLOWS)) {
      try {
        await this.release(workflowId);
      } catch (error) {
        this.deps.log.error(
          { err: error, workflowId },
          'runs in line could not be looked at; the next pass will',
        );
      }
    }
  }

  /** Lets every run of a workflow start that may. One release of a workflow at a time. */
  release(workflowId: string): Promise<void> {
    const known = this.releasing.get(workflowId);
    if (known) {
      known.again = true;
      return known.done;
    }
    const one = { again: false, done: Promise.resolve() };
    this.releasing.set(workflowId, one);
    one.done = this.rounds(workflowId, one);
    return one.done;
  }

  private async rounds(workflowId: string, one: { again: boolean }): Promise<void> {
    try {
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        one.again = false;
        const moved = await this.round(workflowId);
        if (!moved && !one.again) return;
      }
    } finally {
      // In the same turn as the last look at `again`: nobody who asks after that is left unheard.
      this.releasing.delete(workflowId);
    }
  }

  /** Serves the first of each line, once; a lower priority only where no higher one could be. */
  private async round(workflowId: string): Promise<boolean> {
    const { store, clock } = this.deps;
    const now = clock.now();
    const heads = await store.flowHeads(workflowId, now, MAX_HEADS);
    if (heads.length === 0) return false;
    const use = await this.useOf(heads);
    let moved = false;
    let priority = heads[0]?.priority;
    for (const head of heads) {
      if (moved && head.priority !== priority) return true;
      priority = head.priority;
      if (await this.serve(head, use, now)) moved = true;
    }
    return moved;
  }

  private async useOf(heads: readonly FlowHead[]): Promise<FlowUse> {
    const gates = heads.flatMap(({ flow }) => flow.gates.map((gate) => gate.id));
    const buckets = heads.flatMap(({ flow }) => (flow.rate ? [flow.rate.id] : []));
    return this.deps.store.flowUse([...new Set(gates)], [...new Set(buckets)]);
  }

  /** Answers whether anything moved. */
  private async serve(head: FlowHead, use: FlowUse, now: number): Promise<boolean> {
    const { runId, flow } = head;
    if (flow.debounce && (await this.keepNewest(flow.debounce.key, runId))) return true;
    const verdict = admission(flow, use, now);
    switch (verdict.admit) {
      case 'start':
        return this.start(head, use, now);
      case 'skip':
        return this.drop(runId, `skipped: at most ${gateText(verdict.gate)} at once`);
      case 'replace':
        return this.replace(verdict.gate);
      case 'wait':
        await this.lookAgain(runId, verdict, now);
        return false;
    }
  }

  private async start({ runId, flow }: FlowHead, use: FlowUse, now: number): Promise<boolean> {
    const { outcome, state } = await this.runs.apply(runId, { type: 'start' });
    if (outcome !== 'changed' || state?.status === 'queued') return false;
    const held = use.held as Map<string, number>;
    for (const { id } of flow.gates) held.set(id, (held.get(id) ?? 0) + 1);
    const fullAt = use.fullAtUs as Map<string, number>;
    if (flow.rate) fullAt.set(flow.rate.id, withoutToken(fullAt.get(flow.rate.id) ?? 0, now, flow.rate));
    return true;
  }

  /** Ends those whose place the newest of a gate take. What is ending already is left to its end. */
  private async replace(gate: Gate): Promise<boolean> {
    const members = await this.deps.store.flowMembers(gate.id, MAX_MEMBERS);
    const newest = members.at(-1)?.runId ?? '';
    let moved = false;
    for (const { runId } of replaced(members, gate.limit)) {
      const run = (await this.runs.get(runId))?.state;
      if (!run || run.ending) continue;
      const reason = `replaced by run ${newest}: at most ${gateText(gate)} at once`;
      const { outcome } = await this.runs.apply(runId, { type: 'cancel', reason, unless: 'ending' }, ACTOR);
      moved ||= outcome === 'changed';
    }
    return moved;
  }

  /**
   * Of the runs under a debounce key only the newest stays.
   * @param of answers whether this one had to go; without it, whether any had
   */
  private async keepNewest(key: string, of?: string): Promise<boolean> {
    const members = await this.deps.store.flowPutOff(key, MAX_MEMBERS);
    const newest = members.pop();
    let dropped = false;
    for (const { runId } of members) {
      const reason = `debounced: run ${newest?.runId}, which came later, takes its place`;
      const gone = await this.drop(runId, reason);
      if (gone && (of === undefined || of === runId)) dropped = true;
    }
    return dropped;
  }

  private async drop(runId: string, reason: string): Promise<boolean> {
    const { outcome } = await this.runs.apply(runId, { type: 'cancel', reason, unless: 'started' }, ACTOR);
    return outcome === 'changed';
  }

  /** Asks for a look when the next token is there. One hint for each bucket. */
  private async lookAgain(runId: string, verdict: Admission & { admit: 'wait' }, now: number): Promise<void> {
    if (!('rate' in verdict)) return;
    const { rate, until } = verdict;
    if (this.hinted.get(rate.id) === until) return;
    if (this.hinted.size >= MAX_REMEMBERED_HINTS) this.hinted.clear();
    this.hinted.set(rate.id, until);
    await this.deps.queue.hint({ kind: 'run', id: runId }, until - now);
  }
}

const ACTOR = { actor: 'flow' };
