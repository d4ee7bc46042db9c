/** What a contract test found, and what it comes to. */
import type { Check, Outcome, SkipReason } from './check';

const NO_GAP: readonly SkipReason[] = ['not-offered', 'needs-secret'];

export type CheckResult = Pick<Check, 'id' | 'title' | 'required'> & { outcome: Outcome; durationMs: number };

export interface Score {
  passed: number;
  failed: number;
  /** Could have been checked and was not: an input is missing, or something else was in the way. */
  notChecked: number;
  /** Left out, as the contract lets an agent do. */
  leftOut: number;
  /** All but those that are left out. */
  total: number;
}

export interface Report {
  agent: string;
  /** ISO 8601. */
  startedAt: string;
  durationMs: number;
  /** No required check failed; some may not have been made. */
  compatible: boolean;
  /** Every required check was made and passed. */
  complete: boolean;
  score: { required: Score; optional: Score };
  checks: CheckResult[];
}

export function reportOf(agent: string, startedAt: Date, durationMs: number, checks: CheckResult[]): Report {
  const required = scoreOf(checks.filter((check) => check.required));
  const optional = scoreOf(checks.filter((check) => !check.required));
  return {
    agent,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(durationMs),
    compatible: required.failed === 0,
    complete: required.passed === required.total,
    score: { required, optional },
    checks,
  };
}

function scoreOf(checks: readonly CheckResult[]): Score {
  const count = (holds: (outcome: Outcome) => boolean) =>
    checks.filter(({ outcome }) => holds(outcome)).length;
  const leftOut = count((o) => o.kind === 'skip' && NO_GAP.includes(o.why));
  return {
    passed: count((o) => o.kind === 'pass'),
    failed: count((o) => o.kind === 'fail'),
    notChecked: count((o) => o.kind === 'skip') - leftOut,
    leftOut,
    total: checks.length - leftOut,
  };
}
