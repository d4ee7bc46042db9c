/** Judges a canary: tripwires, abort, sample ratio, promotion, deadline, in that order of weight. */
import { abortAt, badRunsToAbort, frozenReference, logEvidence, type Counts } from './outcomes';
import { logWorse, type Pairs } from './paired';
import { probabilityWithin, runsToPass } from './promotion';
import { isMismatched, type Split } from './sample-ratio';
import { logTwoSample, type Blocks } from './two-sample';
import { tripped, TRIPWIRES, type Sighted, type Tripwires } from './tripwires';

export interface CanaryRules {
  /** Chance of a false abort at most, over all metrics and looks, of a candidate at the reference. */
  alpha: number;
  /** Of the incumbent's upper bound. */
  confidence: number;
  /** Added to that bound: a candidate is aborted for being worse than this. */
  margin: number;
  /** Added to that bound: a candidate passes for being better than this. */
  promotionMargin: number;
  /** That the candidate is within the promotion margin. */
  minProbability: number;
  tripwires: Tripwires;
}

export const CANARY_RULES: CanaryRules = {
  alpha: 0.05,
  confidence: 0.95,
  margin: 0.02,
  promotionMargin: 0.05,
  minProbability: 0.9,
  tripwires: TRIPWIRES,
};

/** The part of the evidence that comes of both at the same time, where there is that. */
export const BESIDE = 0.25;

/** One metric, with what was frozen of it when the canary began. */
export interface MetricSetting {
  /** `failed`, `intervened`, `costly`, or as a condition names it. */
  metric: string;
  /** Aborted when the rate is proved to be above. */
  abortAbove: number;
  /** Passed when the rate is probably at most this. */
  passBelow: number;
  /** What is expected of the candidate, for the forecast: the incumbent's own rate. */
  expected: number;
}

/** The settings of a metric, from what is known of the incumbent; undefined when that is too little. */
export function freeze(metric: string, incumbent: Counts, rules: CanaryRules): MetricSetting | undefined {
  const abortAbove = frozenReference(incumbent, rules.confidence, rules.margin);
  const passBelow = frozenReference(incumbent, rules.confidence, rules.promotionMargin);
  if (abortAbove === undefined || passBelow === undefined) return undefined;
  return { metric, abortAbove, passBelow, expected: incumbent.bad / incumbent.runs };
}

export interface CanaryLook {
  /**
   * `replayed`: the same tasks done by both before the canary. For a candidate that fails no more than the incumbent
   * their E has a mean of at most 1, as that of the live tasks has, and so has the product of the two.
   * `beside`: both at the same time. Its E and the other have a mean of at most 1, and so has any share of each.
   */
  metrics: ReadonlyArray<{ setting: MetricSetting; seen: Counts; replayed?: Pairs; beside?: Blocks }>;
  sighted: Sighted;
  split?: Split;
  /** `ramp`: to get more of the work; `promotion`: to get all of it. */
  purpose: 'ramp' | 'promotion';
  /** Tasks a ramp is to see at least, whatever their outcome. */
  minRuns: number;
  /** Not before; the time of the stage. */
  notBefore: number;
  deadline: number;
  now: number;
}

/** One line of the report. */
export interface MetricReport {
  metric: string;
  runs: number;
  bad: number;
  /** `replayed`: the part of the value that the tasks before the canary bring. */
  abort: { value: number; threshold: number; above: number; badRunsNeeded: number; replayed: number };
  promote: { value: number; threshold: number; below: number; runsNeeded: number | null };
}

export interface Judgement {
  /** `pause`: no verdict within the deadline, or none that could be trusted; a person decides. */
  decision: 'wait' | 'promote' | 'abort' | 'pause';
  reason: string;
  report: MetricReport[];
}

/** What to do after a look; the engine looks after each task. Inconclusive never promotes. */
export function judgeCanary(look: CanaryLook, rules: CanaryRules = CANARY_RULES): Judgement {
  const report = look.metrics.map((m) => reportOf(m, look.metrics.length, rules));
  const answer = (decision: Judgement['decision'], reason: string) => ({ decision, reason, report });
  const wires = tripped(look.sighted, rules.tripwires, look.now);
  if (wires.length > 0) return answer('abort', wires.join('; '));
  const worse = report.filter((m) => m.abort.value >= m.abort.threshold);
  if (worse.length > 0) return answer('abort', worse.map(worseText).join('; '));
  if (look.split && isMismatched(look.split)) return answer('pause', mismatchText(look.split));
  if (report.length === 0) return answer('pause', 'too little is known of the incumbent to compare with');
  const open = missing(look, report);
  if (open === undefined) return answer('promote', passText(look.purpose, report));
  if (look.now >= look.deadline) return answer('pause', `no verdict within the time: ${open}`);
  return answer('wait', open);
}

function reportOf(
  { setting, seen, replayed, beside }: CanaryLook['metrics'][number],
  metrics: number,
  rules: CanaryRules,
): MetricReport {
  const { metric, abortAbove, passBelow, expected } = setting;
  const threshold = abortAt(rules.alpha, metrics);
  const before = replayed ? Math.exp(logWorse(replayed)) : 1;
  const alone = before * Math.exp(logEvidence(seen, abortAbove));
  const share = beside ? BESIDE : 0;
  const together = beside ? Math.exp(logTwoSample(beside)) : 0;
  const wanted = Math.max(1, (threshold - share * together) / (1 - share));
  const goal = { limit: passBelow, probability: rules.minProbability, rate: expected };
  return {
    ...{ metric, runs: seen.runs, bad: seen.bad },
    abort: {
      value: (1 - share) * alone + share * together,
      ...{ threshold, above: abortAbove, replayed: before },
      badRunsNeeded: badRunsToAbort(seen, abortAbove, wanted / before),
    },
    promote: {
      value: probabilityWithin(seen, passBelow),
      ...{ threshold: rules.minProbability, below: passBelow },
      runsNeeded: runsToPass(seen, goal) ?? null,
    },
  };
}

/** What is still missing for a pass, in words; undefined: nothing. */
function missing(
  { purpose, minRuns, notBefore, now }: CanaryLook,
  report: MetricReport[],
): string | undefined {
  const fewest = Math.min(...report.map((m) => m.runs));
  // No data is neither pass nor fail.
  const wanted = Math.max(1, minRuns);
  if (fewest < wanted) return `${fewest} of ${wanted} tasks seen`;
  if (now < notBefore) return 'its time is not over';
  if (purpose === 'ramp') return undefined;
  const short = report.find((m) => m.promote.value < m.promote.threshold);
  if (!short) return undefined;
  const { metric, promote } = short;
  const needed = promote.runsNeeded === null ? 'more than can be told' : `about ${promote.runsNeeded}`;
  return `${metric}: ${percent(promote.value)} sure to be below ${percent(promote.below)}, ${percent(promote.threshold)} wanted; ${needed} tasks more`;
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

function worseText({ metric, bad, runs, abort }: MetricReport): string {
  const { value, threshold, above, replayed } = abort;
  const before = replayed === 1 ? '' : `, ${replayed.toFixed(1)} of it from tasks done before`;
  return `${metric} in ${bad} of ${runs} tasks: worse than ${percent(above)} (E = ${value.toFixed(1)}${before}, abort at ${threshold.toFixed(0)})`;
}

const mismatchText = ({ candidate, incumbent, share }: Split): string =>
  `the candidate got ${candidate} of ${candidate + incumbent} tasks instead of ${percent(share)}: the routing is not as it was set, and nothing can be concluded`;

const passText = (purpose: CanaryLook['purpose'], report: MetricReport[]): string =>
  purpose === 'ramp'
    ? `nothing was proved against it in ${Math.min(...report.map((m) => m.runs))} tasks`
    : report.map((m) => `${m.metric}: ${percent(m.promote.value)} sure to be within the margin`).join('; ');
