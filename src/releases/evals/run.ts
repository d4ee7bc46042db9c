/** Runs an agent's suites: the agent in its sandbox does the cases, then the checks are looked at. */
import { checkAttempt, type Delivered, type Judged } from '../../domain/eval/attempt';
import {
  scoreCase,
  scoreSuite,
  type Attempt,
  type CaseScore,
  type SuiteScore,
} from '../../domain/eval/score';
import { segments } from '../../domain/condition';
import { pathsOfCondition } from '../../domain/release/uses';
import type { Case, Check, NamedSuite } from '../../domain/eval/suite';
import type { CaseJob } from '../sandbox/visit';
import type { Judge } from './judge';

export const repeatsOf = (suite: NamedSuite, one: Case): number => one.repeats ?? suite.repeats;

/** What the agent is to do, suite by suite, case by case. */
export const caseJobs = (suites: readonly NamedSuite[]): CaseJob[] =>
  suites.flatMap((suite) =>
    suite.cases.map((one) => ({
      ...{ input: one.input, dryRun: suite.dryRun, timeoutSeconds: suite.timeoutSeconds },
      repeats: repeatsOf(suite, one),
    })),
  );

export interface EvalReport {
  suites: SuiteScore[];
  /** The modes in which judges were asked. */
  judgedBy: string[];
}

/** @param delivered in the order of {@link caseJobs} */
export async function scoreSuites(
  suites: readonly NamedSuite[],
  delivered: readonly Delivered[][],
  judge: Judge | undefined,
): Promise<EvalReport> {
  const judgedBy = new Set<string>();
  const scores: SuiteScore[] = [];
  let at = 0;
  for (const suite of suites) {
    const cases: CaseScore[] = [];
    for (const one of suite.cases) {
      const attempts: Attempt[] = [];
      for (const each of delivered[at] ?? [])
        attempts.push(await attemptOf(suite, one, each, judge, judgedBy));
      cases.push(scoreCase(one, attempts, repeatsOf(suite, one)));
      at += 1;
    }
    scores.push(scoreSuite(suite, cases));
  }
  return { suites: scores, judgedBy: [...judgedBy] };
}

async function attemptOf(
  suite: NamedSuite,
  one: Case,
  delivered: Delivered,
  judge: Judge | undefined,
  judgedBy: Set<string>,
): Promise<Attempt> {
  const checks: Attempt['checks'][number][] = [];
  // What was not delivered fits nothing, unless a rule is about that.
  if (delivered.status !== 'success' && !one.checks.some(isAboutStatus))
    checks.push({
      kind: 'rule',
      holds: false,
      message: `it ended as ${delivered.status}: ${delivered.error}`,
    });
  for (const check of one.checks) {
    let judged: Judged | undefined;
    if ('judge' in check && judge && delivered.status === 'success') {
      const { question, model = suite.judge } = check.judge;
      judged = await judge({ question, model, one, delivered });
      if ('mode' in judged) judgedBy.add(judged.mode);
    }
    checks.push(checkAttempt(check, one, delivered, judged));
  }
  return { delivered, checks };
}

const isAboutStatus = (check: Check): boolean =>
  'rule' in check &&
  pathsOfCondition(check.rule).some((path) => ['status', 'error'].includes(segments(path)[0] ?? ''));

/** Whether a judge is asked at all. */
export const asksJudge = (suites: readonly NamedSuite[]): boolean =>
  suites.some((s) => s.cases.some((c) => c.checks.some((check) => 'judge' in check)));
