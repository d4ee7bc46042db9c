/** The API's shapes, taken from the schemas that the orchestrator answers by. */
import type { z } from 'zod';
import type { AlertView } from '../../../src/http/views/alert';
import type { AgentView, CapsuleView, ShiftView } from '../../../src/http/views/capsule';
import type { WorkflowView } from '../../../src/http/views/workflow';
import type { RunStatus } from '../../../src/domain/run';
import type { Scope } from '../../../src/domain/scope';

export type { RunSummary, RunView } from '../../../src/http/views/run';
export type { RunStatus } from '../../../src/domain/run';
export type { Scope } from '../../../src/domain/scope';
import type { RunView } from '../../../src/http/views/run';

export type StepView = RunView['steps'][number];
export type Shift = z.infer<typeof ShiftView>;
export type Capsule = z.infer<typeof CapsuleView>;
export type Agent = z.infer<typeof AgentView>;
export type Alert = z.infer<typeof AlertView>;
export type Workflow = z.infer<typeof WorkflowView>;

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface RunCounts {
  total: number;
  byStatus: Record<RunStatus, number>;
}

export interface Approval {
  runId: string;
  stepId: string;
  title: string;
  since: string;
  links: { run: string; decide: string };
}

export interface Who {
  id: string;
  owner: string;
  scopes: Scope[];
  expiresAt: string | null;
}

export interface RunDiff {
  same: boolean;
  steps: Array<{
    stepId: string;
    kind: 'only-in-a' | 'only-in-b' | 'same' | 'different';
    changes: Array<{ path: string[]; kind: 'added' | 'removed' | 'changed'; old: unknown; new: unknown }>;
    more: number;
  }>;
}

export interface Replay {
  id: string | null;
  status: 'preview' | 'running' | 'done';
  createdAt: string;
  count: number;
  more: boolean;
  waiting: number;
  started: number;
  skipped: number;
  runs: Array<{ runId: string; outcome: string; reason: string | null; error: string | null }>;
}
