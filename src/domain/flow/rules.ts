/**
 * What a workflow says about the flow of its runs, and what of it a run is pinned to when it is made. The
 * rules are data; who may start is decided in `admission.ts`.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Path, segments, valueAt, type RunData } from '../condition';

/** Rules of one kind a workflow may have. */
const MAX_RULES = 10;
const MAX_PRIORITY = 1_000;
/** A day: beyond that, a schedule says it better. */
const MAX_WINDOW_SECONDS = 86_400;
/** A longer value is told apart by its hash: it goes into the keys of tables. */
const MAX_KEY_CHARS = 120;
/** A gate that only counts, for the sake of others. */
export const NO_LIMIT = 1_000_000;

const InputPath = Path.refine((path) => segments(path)[0] === 'input' && segments(path).length > 1, {
  message: 'begins with input, as in input.customer: nothing else is known before a run starts',
});
const windowSeconds = z.number().min(0.001).max(MAX_WINDOW_SECONDS);
const priority = z.number().int().min(-MAX_PRIORITY).max(MAX_PRIORITY);

export const ON_LIMIT = ['queue', 'skip', 'cancel-oldest'] as const;

const ConcurrencyRule = z.strictObject({
  /** How many runs may be under way at once. */
  limit: z.number().int().min(1).max(10_000),
  /** Counted apart for each value at this path of the input; without it for the whole workflow. */
  key: InputPath.optional(),
  /** What becomes of a run that is one too many. */
  onLimit: z.enum(ON_LIMIT).default('queue'),
});

/** The part of a workflow's definition that is about flow. */
export const flowFields = {
  concurrency: z
    .union([ConcurrencyRule, z.array(ConcurrencyRule).min(1).max(MAX_RULES)])
    .transform((rules) => [rules].flat())
    .optional(),
  /** A bucket of `limit` tokens that fills up evenly in `perSeconds`; each start takes one. */
  rateLimit: z
    .strictObject({
      limit: z.number().int().min(1).max(100_000),
      perSeconds: windowSeconds,
      key: InputPath.optional(),
    })
    .optional(),
  /** Higher starts first, and gets agents first. A trigger may ask for another from `min` to `max`. */
  priority: z
    .union([
      priority.transform((value) => ({ default: value, min: value, max: value })),
      z
        .strictObject({ default: priority.default(0), min: priority, max: priority })
        .refine((p) => p.min <= p.default && p.default <= p.max, {
          message: 'the default is not from min to max',
        }),
    ])
    .optional(),
  /** Waits until nothing more came for `seconds`; then only the last one runs. */
  debounce: z
    .strictObject({
      seconds: windowSeconds,
      key: InputPath.optional(),
      /** It is not put off any longer than this after the first. */
      maxWaitSeconds: windowSeconds.optional(),
    })
    .optional(),
  /** The same key within `seconds` is answered with the run it has. */
  deduplicate: z.strictObject({ key: InputPath, seconds: windowSeconds }).optional(),
};

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
export type FlowRules = DeepReadonly<z.output<z.ZodObject<typeof flowFields>>>;

/** A place that a run takes while it is under way, where only so many are to be had. */
export interface Gate {
  /** Workflow, path and value: the same wherever the rule is written. */
  id: string;
  limit: number;
  onLimit: (typeof ON_LIMIT)[number];
  /** How people call it: `customer "acme"`; left out for the whole workflow. */
  of?: string;
}

/** A bucket of tokens, of which a start takes one. */
export interface Rate {
  id: string;
  limit: number;
  perMs: number;
  of?: string;
}

/** What a run is pinned to. Its limits are those of the time it was made. */
export interface RunFlow {
  gates: Gate[];
  rate?: Rate;
  /** Runs of the same turn wait in one line, and the lines take turns. */
  turn: string;
  debounce?: { key: string; firstAt: number };
  /** Not to start before this time. */
  notBefore?: number;
}

export interface Deduplication {
  scope: string;
  key: string;
  until: number;
}

/** Whether a workflow's runs have to ask before they start. */
export const hasFlow = (rules: FlowRules): boolean =>
  rules.concurrency !== undefined || rules.rateLimit !== undefined || rules.debounce !== undefined;

/** The value at a path as a key: a text, a number or a boolean; empty where there is none of these. */
function keyAt(input: RunData['input'], path: Path): string {
  const value = valueAt({ input, steps: {} }, path);
  if (!['string', 'number', 'boolean'].includes(typeof value)) return '';
  const text = JSON.stringify(value);
  return text.length <= MAX_KEY_CHARS ? text : createHash('sha256').update(text).digest('hex');
}

const nameOf = (path: Path): string => segments(path).slice(1).join('.');

function scoped(workflowId: string, path: Path | undefined, input: RunData['input']) {
  if (path === undefined) return { id: workflowId, value: '' };
  const value = keyAt(input, path);
  const of = value === '' ? `runs without ${nameOf(path)}` : `${nameOf(path)} ${value}`;
  return { id: `${workflowId}|${nameOf(path)}|${value}`, value, of };
}

/**
 * What a new run of a workflow is pinned to; undefined if nothing holds it.
 * @param scheduled how its schedule treats runs that overlap, where that is to wait in line: then a run
 * made by it waits until no other is under way, and all count.
 */
export function flowOf(
  rules: FlowRules,
  workflowId: string,
  input: RunData['input'],
  scheduled?: 'waits' | 'counts',
): RunFlow | undefined {
  if (!hasFlow(rules)) return undefined;
  const found = (rules.concurrency ?? []).map((rule) => ({ rule, at: scoped(workflowId, rule.key, input) }));
  const gates: Gate[] = found.map(({ rule: { limit, onLimit }, at: { id, of } }) => ({
    id,
    limit,
    onLimit,
    ...(of !== undefined && { of }),
  }));
  if (scheduled) {
    const limit = scheduled === 'waits' ? 1 : NO_LIMIT;
    gates.push({ id: `${workflowId}|schedule|`, limit, onLimit: 'queue' });
  }
  const { rateLimit } = rules;
  const bucket = rateLimit && scoped(workflowId, rateLimit.key, input);
  const keys = [...found.map(({ at }) => at.value), bucket?.value ?? ''];
  return {
    gates: unique(gates),
    turn: keys.every((k) => k === '') ? '' : JSON.stringify(keys),
    ...(rateLimit &&
      bucket && {
        rate: {
          id: bucket.id,
          limit: rateLimit.limit,
          perMs: rateLimit.perSeconds * 1_000,
          ...(bucket.of !== undefined && { of: bucket.of }),
        },
      }),
  };
}

/** Two rules about the same runs: the stricter one holds. */
function unique(gates: Gate[]): Gate[] {
  const byId = new Map<string, Gate>();
  for (const gate of gates) {
    const known = byId.get(gate.id);
    if (!known || gate.limit < known.limit) byId.set(gate.id, gate);
  }
  return [...byId.values()];
}

/** Which runs are put off by each other; undefined where nothing is. */
export function debounceKey(
  { debounce }: FlowRules,
  workflowId: string,
  input: RunData['input'],
): string | undefined {
  return debounce && scoped(workflowId, debounce.key, input).id;
}

/**
 * Puts a run off until its time is quiet.
 * @param firstAt when the first of those came that it replaces; its own time if there is none
 */
export function putOff(
  flow: RunFlow,
  { debounce }: FlowRules,
  key: string,
  now: number,
  firstAt: number,
): RunFlow {
  if (!debounce) return flow;
  const { seconds, maxWaitSeconds } = debounce;
  const quiet = now + seconds * 1_000;
  const notBefore = maxWaitSeconds === undefined ? quiet : Math.min(quiet, firstAt + maxWaitSeconds * 1_000);
  return { ...flow, debounce: { key, firstAt }, notBefore: Math.max(now, Math.round(notBefore)) };
}

/** Undefined where nothing is to be told apart: no rule, or an input without the key. */
export function deduplicationOf(
  { deduplicate }: FlowRules,
  workflowId: string,
  input: RunData['input'],
  now: number,
): Deduplication | undefined {
  const key = deduplicate && keyAt(input, deduplicate.key);
  if (!deduplicate || !key) return undefined;
  return { scope: workflowId, key, until: Math.round(now + deduplicate.seconds * 1_000) };
}
