/** What an agent did for one attempt of one step, as oversight counts it. */
import type { Level } from './rules';

export interface Act {
  agentId: string;
  runId: string;
  stepId: string;
  attempt: number;
  at: number;
  actions: number;
  types: string[];
  /** A person had approved it. */
  supervised: boolean;
  /** What it did that it should not have: sentences. */
  incident?: string;
  /** What it came to in money. */
  costUsd: number;
  /** How it worked then. */
  level: Level;
  /** Whether the task succeeded, as the agent reports it, and how sure it was. */
  succeeded: boolean;
  confidence?: number;
}
