/** The part of the record's port that is about flow control: lines of runs, places taken, tokens left. */
import type { FlowUse, Member, RunFlow } from '../domain/flow';

/** The first in a line of runs that wait to start. */
export interface FlowHead {
  runId: string;
  priority: number;
  flow: RunFlow;
}

export interface FlowStore {
  /** Workflows with runs that wait to start. */
  flowWorkflows(limit: number): Promise<string[]>;
  /**
   * The first of each line of a workflow, and of each priority in it: higher priorities first, then the
   * line that was served longest ago, then the oldest run. Runs that are put off are left out.
   */
  flowHeads(workflowId: string, now: number, limit: number): Promise<FlowHead[]>;
  flowUse(gates: readonly string[], buckets: readonly string[]): Promise<FlowUse>;
  /** Runs that take a place at a gate or wait for one, oldest first. */
  flowMembers(gate: string, limit: number): Promise<Array<Member & { started: boolean }>>;
  /** Runs under this key that are put off or wait, oldest first. */
  flowPutOff(key: string, limit: number): Promise<Member[]>;
}
