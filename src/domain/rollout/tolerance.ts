/** How two outputs are told apart field by field, and what of them may differ. Bounded, whatever was delivered. */
import { canonicalJson } from '../canonical-json';
import { areAlike } from '../diff';

/** A place in an output: keys and list positions from the output on; `*` stands for any one of them. */
export type PlacePattern = readonly string[];

export interface Tolerance {
  /** Numbers this near count as the same, as a share of the larger. */
  numbers: number;
  /** Not looked at, with all that is in them. */
  ignore: readonly PlacePattern[];
  /** Lists in which order and repetition mean nothing. */
  sets: readonly PlacePattern[];
}

/** What two machines may make of the same sum. */
export const EXACT: Tolerance = { numbers: 1e-6, ignore: [], sets: [] };

/** Values compared of one pair: what lies beyond is compared as a whole. */
const MAX_COMPARED = 50_000;
/** Places named of one pair. */
const MAX_PLACES = 200;
/** A list is compared as a set up to so many entries; a longer one in its order. */
const MAX_SET = 10_000;

/** The places at which two outputs differ beyond the tolerance, as in `decision.score`; empty: they are the same. */
export function differencesOf(before: unknown, after: unknown, tolerance: Tolerance): string[] {
  const comparing = new Comparing(tolerance);
  comparing.compare([], before, after);
  return comparing.places;
}

class Comparing {
  readonly places: string[] = [];
  private compared = 0;

  constructor(private readonly tolerance: Tolerance) {}

  /** As deep as the values are nested, which the API and the store bound. */
  compare(path: readonly string[], a: unknown, b: unknown): void {
    const { numbers, ignore, sets } = this.tolerance;
    if (Object.is(a, b) || this.places.length >= MAX_PLACES || isAt(path, ignore)) return;
    this.compared += 1;
    if (typeof a === 'number' && typeof b === 'number') {
      if (Math.abs(a - b) > numbers * Math.max(Math.abs(a), Math.abs(b))) this.differs(path);
    } else if (this.compared > MAX_COMPARED || !areAlike(a, b)) {
      if (canonical(a) !== canonical(b)) this.differs(path);
    } else if (isSet(a, path, sets) && isSet(b, path, sets)) {
      if (!this.haveSame(path, a, b)) this.differs(path);
    } else {
      this.fields(path, a as Record<string, unknown>, b as Record<string, unknown>);
    }
  }

  private fields(path: readonly string[], a: Record<string, unknown>, b: Record<string, unknown>): void {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const at = [...path, key];
      if (Object.hasOwn(a, key) && Object.hasOwn(b, key)) this.compare(at, a[key], b[key]);
      else if (!isAt(at, this.tolerance.ignore)) this.differs(at);
    }
  }

  /** Entries are found again as they are, but for what is ignored in them. */
  private haveSame(path: readonly string[], a: readonly unknown[], b: readonly unknown[]): boolean {
    const found = (list: readonly unknown[]) =>
      new Set(list.map((entry, i) => canonical(pruned([...path, String(i)], entry, this.tolerance.ignore))));
    const [these, those] = [found(a), found(b)];
    return these.size === those.size && [...these].every((entry) => those.has(entry));
  }

  private differs(path: readonly string[]): void {
    this.places.push(path.join('.') || 'the output');
  }
}

const canonical = (value: unknown): string => (value === undefined ? '' : canonicalJson(value));

const isSet = (
  value: unknown,
  path: readonly string[],
  sets: readonly PlacePattern[],
): value is readonly unknown[] => Array.isArray(value) && value.length <= MAX_SET && isAt(path, sets);

const isAt = (path: readonly string[], patterns: readonly PlacePattern[]): boolean =>
  patterns.some((p) => p.length === path.length && p.every((part, i) => part === '*' || part === path[i]));

/** A value without what is ignored in it. */
function pruned(path: readonly string[], value: unknown, ignore: readonly PlacePattern[]): unknown {
  if (typeof value !== 'object' || value === null || ignore.length === 0) return value;
  const kept = Object.entries(value)
    .filter(([key]) => !isAt([...path, key], ignore))
    .map(([key, inner]) => [key, pruned([...path, key], inner, ignore)] as const);
  return Array.isArray(value) ? kept.map(([, inner]) => inner) : Object.fromEntries(kept);
}
