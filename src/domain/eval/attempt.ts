/** What one attempt at a case came to, check by check. */
import { z } from 'zod';
import { holds, segments, valueAt, type Condition } from '../condition';
import type { Case, Check } from './suite';

/** What an agent delivered for a case. */
export interface Delivered {
  status: 'success' | 'error' | 'timeout' | 'none';
  output: Record<string, unknown>;
  error?: string;
  /** As its result names it. */
  errorKind?: string;
  /** Calls to what is outside that were refused meanwhile. */
  refused?: number;
  durationMs: number;
  costUsd: number;
  /** Who answered the agent's questions, as its result tells. */
  models: ReadonlyArray<{ provider: string; model: string }>;
}

/** What a judge said to one question. */
export type Judged = { score: number; reason: string; mode: string } | { failed: string };

export interface CheckOutcome {
  kind: 'schema' | 'rule' | 'judge';
  holds: boolean;
  /** It could not be told: nobody judged. */
  unknown?: true;
  message: string;
}

/** What a rule and a judge are told of. */
export const factsOf = ({ input }: Pick<Case, 'input'>, delivered: Delivered) => ({
  input,
  ...{ status: delivered.status, output: delivered.output, error: delivered.error ?? null },
  ...{ durationMs: delivered.durationMs, costUsd: delivered.costUsd },
});

/** @param judged what was said to the check, where it asks a judge */
export function checkAttempt(
  check: Check,
  one: Pick<Case, 'input'>,
  delivered: Delivered,
  judged?: Judged,
): CheckOutcome {
  if ('schema' in check) {
    const problems = schemaProblems(check.schema, delivered.output);
    return {
      kind: 'schema',
      holds: problems.length === 0,
      message: problems.length === 0 ? 'the output fits' : problems.join('; '),
    };
  }
  if ('rule' in check) {
    const facts = factsOf(one, delivered);
    const isHeld = holds(check.rule, facts);
    return { kind: 'rule', holds: isHeld, message: isHeld ? 'it holds' : missed(check.rule, facts) };
  }
  const { atLeast } = check.judge;
  if (!judged || 'failed' in judged)
    return {
      kind: 'judge',
      holds: false,
      unknown: true,
      message: `nobody judged: ${judged?.failed ?? 'no judge was asked'}`,
    };
  const verdict = `${judged.score.toFixed(2)} of ${atLeast.toFixed(2)}: ${judged.reason}`;
  return { kind: 'judge', holds: judged.score >= atLeast, message: verdict };
}

/** A text as it is shown: an output may be of any length. */
const SHOWN = 200;
const shown = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
};

function missed(rule: Condition, facts: object): string {
  if (!('path' in rule)) return `${shown(rule)} does not hold`;
  const { path, ...operator } = rule;
  const wanted = Object.entries(operator).map(([name, value]) => `${name} ${shown(value)}`);
  return `${segments(path).join('.')} is ${shown(valueAt(facts, path))}, not ${wanted.join(' ')}`;
}

const MAX_PROBLEMS = 5;

/**
 * What of a value does not fit a JSON Schema; empty: it fits.
 * @throws Error where the schema itself cannot be used
 */
export function schemaProblems(schema: Record<string, unknown>, value: unknown): string[] {
  const parsed = z.fromJSONSchema(schema).safeParse(value);
  if (parsed.success) return [];
  return parsed.error.issues
    .slice(0, MAX_PROBLEMS)
    .map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
}
