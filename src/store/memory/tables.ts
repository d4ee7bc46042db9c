import { GENESIS, type ChainedEntry } from '../../domain/ledger';
import type { Alert } from '../../domain/alert';
import type { Activity, CapsuleState, Shift } from '../../domain/capsule';
import type { RunState } from '../../domain/run';
import type { LeaseRequest, StepResult, StoredEvent, Tick, Versioned, Wait } from '../store';
import { FlowTables } from './flow';
import { CostTables } from './costs';
import type { NotificationRecord } from '../notifications';
import { ApprovalTables } from './approvals';
import type { RedeployRow } from './redeploys';
import { BudgetTables, type LeaseMoney } from './budgets';
import { SwitchTables } from './switches';
import type { BreakerTable } from './breakers';
import type { ProtocolTable } from './protocols';

export interface CapsuleRow extends Versioned<CapsuleState>, Activity {
  slots: number;
  lingerMs: number;
}

export interface LeaseRow extends LeaseRequest, LeaseMoney {
  capsuleId: string;
  workflowId?: string;
  priority: number;
  grantedAt?: number;
  generation?: number;
}

export interface RunRow extends Versioned<RunState> {
  dueAt?: number;
  input: Record<string, unknown>;
  results: Array<StepResult & { receivedAt: number }>;
}

/** The same tables as the migrations create, as maps. */
export class Tables {
  readonly runs = new Map<string, RunRow>();
  /** Runs that are not over, so that the sweeper's queries cost what is open and not what is stored. */
  readonly openRuns = new Set<string>();
  readonly capsules = new Map<string, CapsuleRow>();
  readonly leases = new Map<string, LeaseRow>();
  readonly shifts = new Map<string, Shift>();
  readonly ticks = new Map<string, Tick>();
  readonly schedules = new Map<string, { fingerprint: string; knownSince: number }>();
  readonly alerts = new Map<string, Alert>();
  readonly notifications = new Map<string, NotificationRecord>();
  redeploys: RedeployRow[] = [];
  readonly idempotency = new Map<string, { runId: string; fingerprint: string; at: number }>();
  readonly waits = new Map<string, Wait>();
  readonly events = new Map<string, StoredEvent & { delivered: boolean }>();
  readonly flow = new FlowTables();
  readonly costs = new CostTables();
  readonly guards = new SwitchTables();
  readonly money = new BudgetTables();
  readonly breakers: BreakerTable = new Map();
  readonly protocols: ProtocolTable = new Map();
  readonly oversight = new ApprovalTables();
  readonly secrets = new Map<string, string>();
  readonly ledger: ChainedEntry[] = [];

  get head(): string {
    return this.ledger.at(-1)?.hash ?? GENESIS;
  }
}

export const leaseKey = (runId: string, stepId: string, attempt: number): string =>
  `${runId}/${stepId}/${attempt}`;
export const tickKey = (workflowId: string, scheduledFor: number): string => `${workflowId}@${scheduledFor}`;
export const idempotencyId = (scope: string, key: string): string => JSON.stringify([scope, key]);
