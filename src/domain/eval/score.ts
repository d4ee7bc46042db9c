/** From attempts to cases, suites and the verdict of a release. */
import type { VerdictKind } from '../rollout/verdict';
import type { ReleaseManifest } from '../release/manifest';
import type { CheckOutcome, Delivered } from './attempt';
import type { Case, NamedSuite } from './suite';

export interface Attempt {
  delivered: Delivered;
  checks: readonly CheckOutcome[];
}

export interface CaseScore {
  name: string;
  passed: boolean;
  /** It came out differently from one time to the next. */
  flaky: boolean;
  /** A check could not be told, and it may hang on that. */
  unknown: boolean;
  times: { held: number; of: number; needed: number };
  /** What did not hold, once each. */
  problems: string[];
}

export interface SuiteScore {
  name: string;
  verdict: VerdictKind;
  passed: number;
  of: number;
  threshold: number;
  cases: CaseScore[];
}

const MAX_PROBLEMS = 5;

export function scoreCase(one: Case, attempts: readonly Attempt[], repeats: number): CaseScore {
  const needed = one.passes ?? repeats;
  const isHeld = ({ checks }: Attempt) => checks.every((c) => c.holds);
  const held = attempts.filter(isHeld).length;
  const open = attempts.filter(
    (a) => !isHeld(a) && a.checks.every((c) => c.holds || c.unknown === true),
  ).length;
  const failed = attempts.flatMap((a) => a.checks.filter((c) => !c.holds));
  const problems = [...new Set(failed.map((c) => `${c.kind}: ${c.message}`))].slice(0, MAX_PROBLEMS);
  const passed = held >= needed;
  return {
    ...{ name: one.name, passed, problems, times: { held, of: attempts.length, needed } },
    flaky: held > 0 && held + open < attempts.length,
    unknown: !passed && held + open >= needed,
  };
}

/** What is not known could still go either way: only where it does not matter is there a verdict. */
export function scoreSuite({ name, threshold }: NamedSuite, cases: readonly CaseScore[]): SuiteScore {
  const of = cases.length;
  const passed = cases.filter((c) => c.passed).length;
  const possible = passed + cases.filter((c) => c.unknown).length;
  const isEnough = (count: number) => count / of >= threshold;
  const verdict = isEnough(passed) ? 'pass' : isEnough(possible) ? 'inconclusive' : 'fail';
  return { ...{ name, verdict, passed, of, threshold }, cases: [...cases] };
}

export interface EvalVerdict {
  verdict: VerdictKind;
  reason: string;
}

/**
 * @param delivered of all attempts: answers that were made up, or come from a model that is not the release's,
 *   tell nothing of it
 * @param judgedBy the modes in which judges were asked
 */
export function verdictOfEvals(
  suites: readonly SuiteScore[],
  delivered: readonly Delivered[],
  judgedBy: readonly string[],
  manifest: Pick<ReleaseManifest, 'models'>,
): EvalVerdict {
  if (suites.length === 0)
    return { verdict: 'inconclusive', reason: 'it has no evals: write cases into evals/' };
  const answered = delivered.flatMap((d) => d.models);
  // Made up, a failure says as little as a pass.
  if (judgedBy.includes('fake') || answered.some((a) => a.provider === 'fake'))
    return {
      verdict: 'inconclusive',
      reason: 'answers were made up (fake), which says nothing of the release: use replay or live',
    };
  const failed = suites.filter((s) => s.verdict === 'fail');
  if (failed.length > 0) return { verdict: 'fail', reason: failed.map(tellSuite).join('; ') };
  const doubt = doubtOf(answered, manifest);
  if (doubt !== undefined) return { verdict: 'inconclusive', reason: doubt };
  const open = suites.filter((s) => s.verdict === 'inconclusive');
  if (open.length > 0) return { verdict: 'inconclusive', reason: open.map(tellSuite).join('; ') };
  return { verdict: 'pass', reason: suites.map(tellSuite).join('; ') };
}

function doubtOf(
  answered: Delivered['models'],
  { models }: Pick<ReleaseManifest, 'models'>,
): string | undefined {
  if (models.length === 0) return undefined;
  const isNamed = (name: string) =>
    models.some((m) => name === m.snapshot || name === m.model || name.startsWith(`${m.model}-`));
  const other = answered.find((a) => !isNamed(a.model));
  return other === undefined
    ? undefined
    : `${other.model} answered, which is none of the release's models (${models.map((m) => m.model).join(', ')}): record anew, or name it in agent.json`;
}

function tellSuite({ name, passed, of, threshold, cases, verdict }: SuiteScore): string {
  const flaky = cases.filter((c) => c.flaky).map((c) => c.name);
  const wrong = cases.filter((c) => !c.passed);
  const first = wrong[0];
  const what =
    verdict === 'pass' || !first ? '' : `; ${first.name}: ${first.problems[0] ?? 'nothing was delivered'}`;
  const wanted = threshold < 1 ? `, ${(threshold * 100).toFixed(0)} % wanted` : '';
  const shaky = flaky.length === 0 ? '' : `, flaky: ${flaky.slice(0, 5).join(', ')}`;
  return `${name}: ${passed} of ${of} passed${wanted}${shaky}${what}`;
}
