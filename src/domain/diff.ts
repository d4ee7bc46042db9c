/** What two runs delivered, compared step by step and value by value. Bounded, whatever they delivered. */

/** A difference at one place. `old` is missing where something was added, `new` where it was removed. */
export interface Change {
  /** Keys and list positions, from the output on; empty for the output itself. */
  path: string[];
  kind: 'added' | 'removed' | 'changed';
  old?: unknown;
  new?: unknown;
}

export interface StepDiff {
  stepId: string;
  /** `only-in-a`: the other run delivered nothing for it. */
  kind: 'only-in-a' | 'only-in-b' | 'same' | 'different';
  changes: Change[];
  /** How many changes there are beyond those that are listed. */
  more: number;
}

export interface DiffLimits {
  /** Changes listed of one step. */
  changes: number;
  /** Changes listed in all. */
  total: number;
  /** Characters of a value's JSON; a longer one is shown by its beginning. */
  valueChars: number;
  /** Values compared of one step: what lies beyond is compared as a whole. */
  compared: number;
}

export const DIFF_LIMITS: DiffLimits = { changes: 200, total: 1_000, valueChars: 1_000, compared: 50_000 };

type Outputs = ReadonlyMap<string, Record<string, unknown>>;

/** Every step that one of the runs has an output of, in the order of the first run and then of the second. */
export function diffOutputs(a: Outputs, b: Outputs, limits: DiffLimits = DIFF_LIMITS): StepDiff[] {
  let left = limits.total;
  return [...new Set([...a.keys(), ...b.keys()])].map((stepId): StepDiff => {
    const [before, after] = [a.get(stepId), b.get(stepId)];
    if (after === undefined) return { stepId, kind: 'only-in-a', changes: [], more: 0 };
    if (before === undefined) return { stepId, kind: 'only-in-b', changes: [], more: 0 };
    const { listed, count } = diffValues(before, after, {
      ...limits,
      changes: Math.min(left, limits.changes),
    });
    left -= listed.length;
    const kind = count === 0 ? 'same' : 'different';
    return { stepId, kind, changes: listed, more: count - listed.length };
  });
}

/** The changes that make one value the other: the first of them, and how many there are. */
export function diffValues(
  before: unknown,
  after: unknown,
  limits: DiffLimits = DIFF_LIMITS,
): { listed: Change[]; count: number } {
  const found = new Found(limits);
  found.compare([], before, after);
  return { listed: found.listed, count: found.count };
}

class Found {
  readonly listed: Change[] = [];
  count = 0;
  private compared = 0;

  constructor(private readonly limits: DiffLimits) {}

  /** As deep as the values are nested, which the API and the store bound. */
  compare(path: string[], before: unknown, after: unknown): void {
    if (Object.is(before, after)) return;
    this.compared += 1;
    if (this.compared > this.limits.compared || !areAlike(before, after)) {
      if (JSON.stringify(before) !== JSON.stringify(after)) this.changed(path, before, after);
      return;
    }
    const [old, now] = [before as Record<string, unknown>, after as Record<string, unknown>];
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      const at = [...path, key];
      if (!Object.hasOwn(now, key)) this.add({ path: at, kind: 'removed', old: this.short(old[key]) });
      else if (!Object.hasOwn(old, key)) this.add({ path: at, kind: 'added', new: this.short(now[key]) });
      else this.compare(at, old[key], now[key]);
    }
  }

  private changed(path: string[], old: unknown, now: unknown): void {
    this.add({ path, kind: 'changed', old: this.short(old), new: this.short(now) });
  }

  private add(change: Change): void {
    this.count += 1;
    if (this.listed.length < this.limits.changes) this.listed.push(change);
  }

  private short(value: unknown): unknown {
    if (this.listed.length >= this.limits.changes) return undefined;
    const text = JSON.stringify(value);
    return text.length <= this.limits.valueChars ? value : `${text.slice(0, this.limits.valueChars)}…`;
  }
}

/** Two objects, or two lists: what is in them is compared one by one. */
export const areAlike = (a: unknown, b: unknown): boolean =>
  typeof a === 'object' &&
  typeof b === 'object' &&
  a !== null &&
  b !== null &&
  Array.isArray(a) === Array.isArray(b);
