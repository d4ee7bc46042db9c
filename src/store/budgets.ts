/**
 * The record's part of budgets and caps. Reserving and spending happen within commits (`Change.money`); this is
 * what is declared, changed by people, and read. Money travels as text: it is larger than a number holds.
 */
import type { Budget, BudgetUse, Learned } from '../domain/budget';
import type { ActionCount } from '../domain/budget/spend';
import type { LedgerEntry } from '../domain/ledger';

/** What a change means for budgets. Without budgets on record it changes nothing. */
export interface MoneyChange {
  runId: string;
  workflowId: string;
  /** The run whose step this one does the work of. */
  parentId?: string;
  /** The names of the present day and month in the installation's zone. */
  day: string;
  month: string;
  /** For each lease that is asked for or granted: what its step may cost. */
  demands?: Demand[];
  /** What results report. */
  spends?: Spend[];
}

export interface Demand {
  stepId: string;
  attempt: number;
  agentId: string;
  /** Set aside from the request for the lease until its release. */
  estimate: string;
  /** Of a millisecond of its capsule. */
  price: string;
}

export interface Spend {
  stepId: string;
  attempt: number;
  agentId: string;
  cost: string;
  actions: ActionCount[];
}

/** A step that waits for its agent, and for money. */
export interface HeldLease {
  runId: string;
  stepId: string;
  estimate: bigint;
  /** The budget, as it stands in the period it was asked in. */
  use: BudgetUse;
}

export type RaiseEntryFor = (total: bigint) => LedgerEntry;

export interface BudgetStore {
  /**
   * Every budget that has a limit, in the order of their ids, as it stands in the present periods; of those by
   * run, each run that has used any of it and is not over, or an empty key where there is none.
   */
  budgetUses(keys: { day: string; month: string }): Promise<BudgetUse[]>;
  /** What is known of what agents' jobs cost. */
  learnedCosts(): Promise<ReadonlyMap<string, Learned>>;
  /** Declares a budget, or takes the declaration back; what a person set stays. With its entry if it is new. */
  declareBudget(budget: Budget, entry: LedgerEntry): Promise<void>;
  /** A person's word: how much it allows from now on; undefined leaves it to what is declared. */
  setBudget(budget: Budget, entry: LedgerEntry): Promise<void>;
  /** Adds to what it allows in one period; the entry is told what was added in all, this time included. */
  raiseBudget(id: string, key: string, by: bigint, entryFor: RaiseEntryFor): Promise<void>;
  /** Sets money aside for those who wait without; answers the capsules that somebody may be served on now. */
  retryHeld(keys: { day: string; month: string }): Promise<string[]>;
  /** Whom budgets hold, in turn; of one run or of all. */
  heldLeases(limit: number, runId?: string): Promise<HeldLease[]>;
}
