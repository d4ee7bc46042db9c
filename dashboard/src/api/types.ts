/** The API's shapes, taken from the schemas that the orchestrator answers by. */
import type { z } from 'zod';
import type { AlertView } from '../../../src/http/views/alert';
import type { ApprovalView } from '../../../src/http/views/approval';
import type { AuditEntryView, AuditVerdictView } from '../../../src/http/views/audit';
import type { BudgetView } from '../../../src/http/views/budget';
import type { AgentView, CapsuleView, ShiftView } from '../../../src/http/views/capsule';
import type { CostReportView } from '../../../src/http/views/cost';
import type { DeliverySummaryView, DeliveryView } from '../../../src/http/views/delivery';
import type {
  EnvironmentView,
  LineageView,
  ReleaseDiffView,
  ReleaseView,
  RolloutView,
} from '../../../src/http/views/release';
import type { ScheduleForecast } from '../../../src/http/views/schedule';
import type { EmergencyStopView, SwitchView } from '../../../src/http/views/switch';
import type { VerdictView } from '../../../src/http/views/verdict';
import type { WorkflowDetail, WorkflowView } from '../../../src/http/views/workflow';
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
export type WorkflowDetails = z.infer<typeof WorkflowDetail>;
export type Tick = WorkflowDetails['lastTicks'][number];
export type Forecast = z.infer<typeof ScheduleForecast>;
export type Approval = z.infer<typeof ApprovalView>;
export type Delivery = z.infer<typeof DeliveryView>;
export type DeliverySummary = z.infer<typeof DeliverySummaryView>;
export type Switch = z.infer<typeof SwitchView>;
export type EmergencyStop = z.infer<typeof EmergencyStopView>;
export type AuditEntry = z.infer<typeof AuditEntryView>;
export type AuditVerdict = z.infer<typeof AuditVerdictView>;
export type Budget = z.infer<typeof BudgetView>;
export type CostReport = z.infer<typeof CostReportView>;
export type Release = z.infer<typeof ReleaseView>;
export type ReleaseDiff = z.infer<typeof ReleaseDiffView>;
export type ReleaseVerdict = z.infer<typeof VerdictView>;
export type Environment = z.infer<typeof EnvironmentView>;
export type Rollout = z.infer<typeof RolloutView>;
export type LineageItem = z.infer<typeof LineageView>['items'][number];
export type CostRow = CostReport['items'][number];

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface Environments {
  /** The one that the installation works by. */
  current: string;
  items: Environment[];
}

export interface RunCounts {
  total: number;
  byStatus: Record<RunStatus, number>;
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
