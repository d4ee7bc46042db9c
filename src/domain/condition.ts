/**
 * Paths and conditions over what a run knows: its input and the outputs of its steps. Data, not code:
 * nothing here can loop, call or be slow, whoever wrote the workflow.
 */
import { z } from 'zod';

/** What paths start from. */
export interface RunData {
  input: Record<string, unknown>;
  /** Outputs of the steps that succeeded. */
  steps: Readonly<Record<string, Record<string, unknown>>>;
  /** Why the run failed, for the steps that run then. */
  failure?: { stepId?: string; kind: string; message: string };
}

/**
 * Where a value is: `input.site.url`, `steps.crawl.pages.0.title`. Keys that hold a dot are written as
 * a list: `["input", "a.b"]`.
 */
export type Path = string | readonly string[];
export const Path: z.ZodType<Path> = z.union([
  z
    .string()
    .min(1)
    .max(500)
    .regex(/^[^.]+(\.[^.]+)*$/, 'is not a path: names separated by single dots'),
  z.array(z.string().min(1).max(200)).min(1).max(50),
]);

export const segments = (path: Path): string[] => (typeof path === 'string' ? path.split('.') : [...path]);

/** The value at a path within a {@link RunData} or what a trigger tells, or undefined where there is none. Own keys only. */
export function valueAt(data: object, path: Path): unknown {
  let value: unknown = data;
  for (const key of segments(path)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

const scalar = z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]);
const ordered = z.union([z.string().max(10_000), z.number()]);

/** One comparison of the value at `path`. Exactly one operator. */
const Comparison = z
  .strictObject({
    path: Path,
    equals: scalar.optional(),
    notEquals: scalar.optional(),
    /** Numbers with numbers, texts with texts by code point; of another type it is false. */
    greaterThan: ordered.optional(),
    atLeast: ordered.optional(),
    lessThan: ordered.optional(),
    atMost: ordered.optional(),
    oneOf: z.array(scalar).max(1_000).optional(),
    /** A text that holds this text, or a list that holds this value. */
    contains: scalar.optional(),
    startsWith: z.string().max(10_000).optional(),
    /** Whether there is a value other than null. */
    exists: z.boolean().optional(),
  })
  .refine((c) => operatorsOf(c).length === 1, {
    message:
      'needs exactly one of equals, notEquals, greaterThan, atLeast, lessThan, atMost, oneOf, contains, startsWith, exists',
  });
export type Comparison = z.infer<typeof Comparison>;

const operatorsOf = (comparison: object): string[] => Object.keys(comparison).filter((k) => k !== 'path');

export type Condition = Comparison | { all: Condition[] } | { any: Condition[] } | { not: Condition };

const MAX_BRANCHES = 50;

/** A condition as it is written in a workflow. Depth is bounded by the registry's own nesting limit. */
export const Condition: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    Comparison,
    z.strictObject({ all: z.array(Condition).min(1).max(MAX_BRANCHES) }),
    z.strictObject({ any: z.array(Condition).min(1).max(MAX_BRANCHES) }),
    z.strictObject({ not: Condition }),
  ]),
);

/** Whether a condition holds. A path that leads nowhere makes every comparison false but `exists: false` and `notEquals`. */
export function holds(condition: Condition, data: object): boolean {
  if ('all' in condition) return condition.all.every((c) => holds(c, data));
  if ('any' in condition) return condition.any.some((c) => holds(c, data));
  if ('not' in condition) return !holds(condition.not, data);
  return compare(valueAt(data, condition.path), condition);
}

function compare(value: unknown, c: Comparison): boolean {
  if (c.exists !== undefined) return (value !== undefined && value !== null) === c.exists;
  if (c.equals !== undefined) return value === c.equals;
  if (c.notEquals !== undefined) return value !== c.notEquals;
  if (c.oneOf !== undefined) return c.oneOf.some((one) => one === value);
  if (c.contains !== undefined) return contains(value, c.contains);
  if (c.startsWith !== undefined) return typeof value === 'string' && value.startsWith(c.startsWith);
  if (c.greaterThan !== undefined) return order(value, c.greaterThan) > 0;
  if (c.atLeast !== undefined) return order(value, c.atLeast) >= 0;
  if (c.lessThan !== undefined) return order(value, c.lessThan) < 0;
  if (c.atMost !== undefined) return order(value, c.atMost) <= 0;
  return false;
}

/** Negative, 0 or positive; NaN, which compares false with everything, for values of different kinds. */
function order(value: unknown, than: string | number): number {
  if (typeof value === 'number' && typeof than === 'number') return value - than;
  if (typeof value === 'string' && typeof than === 'string') return value < than ? -1 : value > than ? 1 : 0;
  return Number.NaN;
}

function contains(value: unknown, member: Comparison['contains']): boolean {
  if (typeof value === 'string') return typeof member === 'string' && value.includes(member);
  return Array.isArray(value) && value.some((one) => one === member);
}
