/** The conformance kit: does this platform, through its driver, do what the engine relies on? */
import { setTimeout as delay } from 'node:timers/promises';
import { PlatformError, type Platform } from '../platform';
import { CASES, CLOSE_CASE, type CheckCase } from './cases';
import { CheckFailed, MEASURES, observed, scale, type CheckContext, type Measure } from './context';

export { CASES, CLOSE_CASE, type CheckCase } from './cases';
export { CheckFailed, type CheckContext, type Measure } from './context';

export interface CheckOptions {
  /** Makes the driver; called twice, once for the case that closes it. */
  make: () => Platform;
  /** Makes one with wrong credentials, where there is a way. */
  makeStranger?: () => Platform;
  capsuleId: string;
  /** Where the agent in the capsule answers. */
  agentUrl?: string;
  /** Longest wait for a change to show, in ms; 120,000 by default. */
  changeMs?: number;
  /** Between two looks, in ms; 500 by default. */
  pollMs?: number;
  /** Ends the check early; the capsule is still put to zero. */
  signal?: AbortSignal;
  onResult?: (result: CheckResult) => void;
}

export type Outcome =
  { kind: 'pass' } | { kind: 'fail'; saw: string; expected: string } | { kind: 'skip'; reason: string };

export interface CheckResult {
  id: string;
  title: string;
  outcome: Outcome;
  durationMs: number;
}

export interface CheckReport {
  platform: string;
  capsuleId: string;
  /** Whether no case failed, none was cut off and the capsule was seen at zero at the end. */
  conforms: boolean;
  score: { passed: number; failed: number; skipped: number; total: number };
  /** How long things took, in ms: the median, and the longest. */
  times: Partial<Record<Measure, { median: number; max: number }>>;
  results: CheckResult[];
  leftAtZero: boolean;
  durationMs: number;
}

const DEFAULT_CHANGE_MS = 120_000;
const DEFAULT_POLL_MS = 500;
const HEALTH_MS = 5_000;

/** Runs every case against one capsule, which is left at zero, whatever happens. */
export async function checkPlatform(options: CheckOptions): Promise<CheckReport> {
  const begun = Date.now();
  const platform = options.make();
  const stranger = options.makeStranger?.();
  const measures = new Map<Measure, number[]>();
  const results: CheckResult[] = [];
  const report = (result: CheckResult) => {
    results.push(result);
    options.onResult?.(result);
  };
  let leftAtZero: boolean;
  try {
    const context = contextOf(options, platform, stranger, measures);
    for (const each of CASES) report(await resultOf(each, context, options.signal, hasNoZero(results)));
    const last = options.make();
    const closing = contextOf(options, last, stranger, new Map());
    report(await resultOf(CLOSE_CASE, closing, options.signal, false));
    await last.close();
    leftAtZero = await endAtZero(options, platform);
  } finally {
    await platform.close();
    await stranger?.close();
  }
  const count = (kind: Outcome['kind']) => results.filter(({ outcome }) => outcome.kind === kind).length;
  const score = {
    passed: count('pass'),
    failed: count('fail'),
    skipped: count('skip'),
    total: results.length,
  };
  return {
    platform: platform.name,
    capsuleId: options.capsuleId,
    conforms: score.failed === 0 && leftAtZero && options.signal?.aborted !== true,
    score,
    times: timesOf(measures),
    results,
    leftAtZero,
    durationMs: Date.now() - begun,
  };
}

async function resultOf(
  { id, title, needs, run }: CheckCase,
  context: CheckContext,
  signal: AbortSignal | undefined,
  isHopeless: boolean,
): Promise<CheckResult> {
  const begun = Date.now();
  const result = (outcome: Outcome) => ({ id, title, outcome, durationMs: Date.now() - begun });
  if (signal?.aborted) return result({ kind: 'skip', reason: 'the check was stopped' });
  if (isHopeless) return result({ kind: 'skip', reason: 'it begins at zero' });
  if (needs !== undefined && context[needs] === undefined) {
    return result({ kind: 'skip', reason: 'this platform gives no way to try it' });
  }
  try {
    if (id !== CLOSE_CASE.id) await toZero(context);
    await run(context);
    return result({ kind: 'pass' });
  } catch (error) {
    if (signal?.aborted) return result({ kind: 'skip', reason: 'the check was stopped' });
    if (error instanceof CheckFailed) {
      return result({ kind: 'fail', saw: error.saw, expected: error.expected });
    }
    if (!(error instanceof PlatformError)) throw error;
    return result({ kind: 'fail', saw: `${error.kind}: ${error.message}`, expected: 'no error' });
  }
}

/** Without zero no other case has a beginning; its failure is told once. */
const hasNoZero = ([zero]: readonly CheckResult[]): boolean => zero?.outcome.kind === 'fail';

async function toZero(context: CheckContext): Promise<void> {
  await scale(context, 0);
  await observed(context, 0);
}

/** Puts the capsule to zero, also after a check that was stopped. */
async function endAtZero({ signal: _, ...options }: CheckOptions, platform: Platform): Promise<boolean> {
  try {
    await toZero(contextOf(options, platform, undefined, new Map()));
    return true;
  } catch (error) {
    // The cases have told already what is wrong; here it only matters that zero was not seen.
    if (error instanceof CheckFailed || error instanceof PlatformError) return false;
    throw error;
  }
}

function contextOf(
  options: CheckOptions,
  platform: Platform,
  stranger: Platform | undefined,
  measures: Map<Measure, number[]>,
): CheckContext {
  const { capsuleId, agentUrl, signal, changeMs = DEFAULT_CHANGE_MS, pollMs = DEFAULT_POLL_MS } = options;
  const step = () => delay(pollMs, undefined, signal && { signal });
  return {
    platform,
    capsuleId,
    ...(stranger && { stranger }),
    ...(agentUrl !== undefined && { isAnswering: () => isHealthy(agentUrl) }),
    done: (call) => call,
    step,
    eventually: async (expected, look, last) => {
      const until = Date.now() + changeMs;
      for (;;) {
        const found = await look();
        if (found !== undefined) return found;
        if (Date.now() >= until) throw new CheckFailed(`${last()} after ${changeMs / 1_000} s`, expected);
        await step();
      }
    },
    measured: (what, ms) => void measures.set(what, [...(measures.get(what) ?? []), ms]),
    now: () => Date.now(),
  };
}

async function isHealthy(agentUrl: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(HEALTH_MS);
    const response = await fetch(`${agentUrl}/health`, { signal, redirect: 'manual' });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false; // Refused, reset or silent: it does not answer.
  }
}

function timesOf(measures: ReadonlyMap<Measure, number[]>): CheckReport['times'] {
  const found = MEASURES.flatMap((what) => {
    const sorted = [...(measures.get(what) ?? [])].sort((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)];
    const max = sorted.at(-1);
    return median === undefined || max === undefined ? [] : [[what, { median, max }] as const];
  });
  return Object.fromEntries(found);
}
