/**
 * The ledger: an append-only, hash-chained record of everything that changed. Each entry carries
 * the fields a change set, so that folding the entries of one entity gives its current state.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json';
import type { CapsuleState } from './capsule';
import type { LedgerAction } from './ledger/actions';
import type { RunState, StepState } from './run';
import { traceIdOf } from './trace';
import { warmId } from './warm';

export type EntityKind =
  | 'run'
  | 'capsule'
  | 'capsule-setting'
  | 'tick'
  | 'schedule'
  | 'event'
  | 'redeploy'
  | 'replay'
  | 'alert'
  | 'notification'
  | 'key'
  | 'session'
  | 'inbox'
  | 'retention'
  | 'switch'
  | 'emergency-stop'
  | 'budget'
  | 'breaker'
  | 'approval'
  | 'oversight'
  | 'protocol'
  | 'release'
  | 'environment'
  | 'rollout';

export interface LedgerEntry {
  at: number;
  /** Who did it: `engine`, `agent:<id>`, `key:<id>`. */
  actor: string;
  /** What happened, as `entity.verb`. */
  action: LedgerAction;
  entity: EntityKind;
  id: string;
  /** The fields that changed, with their new values; `null` where a field went away. */
  set: Record<string, unknown>;
  /** What fields of `set` were before, where they were anything. */
  was?: Record<string, unknown>;
  reason?: string;
  /** The run it is about, where the entity is not that run. */
  runId?: string;
  /** The trace it belongs to, in W3C's 32 hexadecimal digits. */
  traceId?: string;
}

/** An entry as it is stored: its exact text, and the hash that chains it to the one before. */
export interface ChainedEntry {
  seq: number;
  body: string;
  hash: string;
}

export const GENESIS = '0'.repeat(64);

export const ledgerBody = (entry: LedgerEntry): string => canonicalJson(entry);

/** Reads a body back. @throws SyntaxError when it is no entry's text */
export const ledgerEntry = (body: string): LedgerEntry => JSON.parse(body) as LedgerEntry;

/** The run an entry is about, if any. */
export const runOf = ({ entity, id, runId }: LedgerEntry): string | undefined =>
  runId ?? (entity === 'run' ? id : undefined);

/** The trace an entry belongs to, if any: that of the run it is about, which is named like it. */
export function traceOf(entry: LedgerEntry): string | undefined {
  const run = runOf(entry);
  return entry.traceId ?? (run === undefined ? undefined : traceIdOf(run));
}

/** SHA-256 over the previous hash (hex) followed by the body. */
export const chainHash = (previous: string, body: string): string =>
  createHash('sha256').update(previous).update(body).digest('hex');

/** What of a run the ledger tells: enough to fold its status from the entries alone. */
export function projectRun(run: RunState): Record<string, unknown> {
  const told: Record<string, unknown> = { status: run.status };
  for (const step of run.steps) {
    told[`steps.${step.id}.status`] = step.status;
    told[`steps.${step.id}.attempt`] = step.attempt;
    if (step.failover) told[`steps.${step.id}.failover`] = failoverText(step);
  }
  if (run.error) told.error = run.error.message;
  return told;
}

const failoverText = ({ capsuleId, failover }: StepState): string =>
  `${capsuleId ?? 'elsewhere'} in place of ${failover?.capsuleId}: ${failover?.reason}`;

export function projectCapsule(capsule: CapsuleState): Record<string, unknown> {
  return {
    status: capsule.status,
    generation: capsule.generation,
    ...(capsule.bootId !== undefined && { bootId: capsule.bootId }),
    ...(capsule.lastError !== undefined && { lastError: capsule.lastError }),
    ...(capsule.unwell && { unwell: capsule.unwell.reason }),
    ...(capsule.warm && { warm: capsule.warm.map((w) => warmId(w.for)).join(', ') }),
  };
}

/** The fields of `after` that differ from `before`; `null` marks a field that went away. */
export function patch(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): Record<string, unknown> {
  const set: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(after)) if (before[key] !== value) set[key] = value;
  for (const key of Object.keys(before)) if (!(key in after)) set[key] = null;
  return set;
}

/** What a patch changes and what that was, as an entry tells it. */
export function change(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): Pick<LedgerEntry, 'set' | 'was'> {
  const set = patch(before, after);
  const was: Record<string, unknown> = {};
  for (const key of Object.keys(set)) if (before[key] !== undefined) was[key] = before[key];
  return Object.keys(was).length > 0 ? { set, was } : { set };
}

/** Folds the entries of one entity, oldest first, into its projection. */
export function fold(entries: Iterable<Pick<LedgerEntry, 'set'>>): Record<string, unknown> {
  const state: Record<string, unknown> = {};
  for (const { set } of entries) {
    for (const [key, value] of Object.entries(set)) {
      if (value === null) delete state[key];
      else state[key] = value;
    }
  }
  return state;
}

export type ChainVerdict = { ok: true; entries: number } | { ok: false; seq: number; reason: string };

/** Checks that the chain is whole: sequence without gaps, each hash over the one before. */
export function verifyChain(entries: Iterable<ChainedEntry>): ChainVerdict {
  let previous = GENESIS;
  let count = 0;
  for (const entry of entries) {
    count += 1;
    if (entry.seq !== count) return { ok: false, seq: count, reason: `entry ${count} is missing` };
    if (entry.hash !== chainHash(previous, entry.body)) {
      return { ok: false, seq: entry.seq, reason: `entry ${entry.seq} does not match its hash` };
    }
    previous = entry.hash;
  }
  return { ok: true, entries: count };
}
