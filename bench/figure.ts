/** What a figure is, and how its samples become one number. */
import type { Cleanup } from './support/cleanup';

export interface Goal {
  /** `at-most`: less is better. */
  kind: 'at-most' | 'at-least';
  value: number;
}

/** One line of the report. Without a goal it only explains the figures beside it. */
export interface Measurement {
  id: string;
  /** What was measured, for people. */
  name: string;
  value: number;
  unit: string;
  goal?: Goal;
}

export interface Bench {
  /** Undone in reverse when the figure is measured, failed or interrupted. */
  cleanup: Cleanup;
  /** Tells how it goes, on stderr. */
  log: (message: string) => void;
}

/** A way to measure one or more figures that belong together. */
export interface Figure {
  id: string;
  measure(bench: Bench): Promise<Measurement[]>;
}

/** The middle of the samples; of an even number the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('no samples');
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (i: number): number => sorted[i] as number;
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2;
}

/** Whether the goal is met; null where there is none. */
export function met({ value, goal }: Measurement): boolean | null {
  if (!goal) return null;
  return goal.kind === 'at-most' ? value <= goal.value : value >= goal.value;
}
