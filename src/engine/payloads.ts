/** What a run was given and what its steps delivered so far: what the next step's input is made of. */
import type { RunData } from '../domain/condition';
import type { RunPayloads, StepResult } from '../store/store';

export interface Payloads {
  input: Record<string, unknown>;
  /** By step: the outputs that count. */
  outputs: ReadonlyMap<string, Record<string, unknown>>;
}

/** The same, as the rules of a run read it. */
export const dataOf = ({ input, outputs }: Payloads): RunData => ({
  input,
  steps: Object.fromEntries(outputs),
});

/** Larger payloads are not kept in memory but read from the store when a step needs them. */
const MAX_KEPT_CHARS = 16_384;

export function payloadsOf({ input, results }: RunPayloads): Payloads {
  return { input, outputs: new Map(outputsOf(results)) };
}

/** With what a commit added; undefined once it is too much to be kept for every run in memory. */
export function grown(known: Payloads | undefined, results: readonly StepResult[]): Payloads | undefined {
  if (!known || results.length === 0) return known;
  const outputs = new Map([...known.outputs, ...outputsOf(results)]);
  return keepable({ input: known.input, outputs });
}

export function keepable(payloads: Payloads): Payloads | undefined {
  return charsLeft([payloads.input, ...payloads.outputs.values()], MAX_KEPT_CHARS) > 0 ? payloads : undefined;
}

const outputsOf = (results: readonly StepResult[]): Array<[string, Record<string, unknown>]> =>
  results.filter((r) => r.counted && r.result.status === 'success').map((r) => [r.stepId, r.result.output]);

/** About how many characters of a budget are left after a value's JSON; stops where none are. */
function charsLeft(value: unknown, budget: number): number {
  if (typeof value === 'string') return budget - value.length - 2;
  if (typeof value !== 'object' || value === null) return budget - 8;
  let left = budget - 2;
  for (const [key, member] of Object.entries(value)) {
    if (left <= 0) return left;
    left = charsLeft(member, left - key.length - 4);
  }
  return left;
}
