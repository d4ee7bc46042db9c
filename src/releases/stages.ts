/** What the stages of the pipeline come to, from what was seen in the sandbox. */
import type { CheckResult, Report } from '../agent-check';
import { contractFindings, type FitInput } from '../domain/release/contract-fit';
import { compareProfiles, type Profile } from '../domain/release/profile';
import type { AgentSchemas, ReportedStage } from '../domain/release/validation';
import { worstOf, type VerdictKind } from '../domain/rollout/verdict';
import type { OutsideReport } from './sandbox/outside/recorder';
import { OUTSIDE } from './sandbox/outside/recordings';
import type { VisitReport } from './sandbox/visit';

export interface StageReport {
  stage: ReportedStage;
  verdict: VerdictKind;
  /** In a sentence, for people. */
  reason: string;
  durationMs: number;
  /** What it rests on; kept as evidence. */
  report: Record<string, unknown>;
  profile?: Profile;
  schemas?: AgentSchemas;
}

type Came = Pick<StageReport, 'verdict' | 'reason' | 'report'>;

const TOLD = 3;
const MAX_REASON = 2_000;

export const shorten = (text: string): string =>
  text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text;

const NOT_BOOTED: Came = {
  ...{ verdict: 'inconclusive', reason: 'it did not boot: the sandbox says why', report: {} },
};

/** @param gaps what was not confined */
export function sandboxStage(seen: VisitReport, gaps: readonly string[]): Came {
  const { notBooted, check, printed, timings } = seen;
  if (notBooted !== undefined)
    return { verdict: 'fail', reason: shorten(`it did not boot: ${notBooted}`), report: { notBooted } };
  if (!check) throw new RangeError('the contract was not checked');
  const outside = seen.outside ? outsideReport(seen.outside) : {};
  const report = { check, timings, gaps, ...(printed !== undefined && { printed }), ...outside };
  const calls = outsideTold(seen.outside);
  const failed = check.checks.filter((c) => c.required && c.outcome.kind === 'fail');
  if (failed.length > 0)
    return {
      verdict: 'fail',
      reason: shorten([...failed.slice(0, TOLD).map(tellFailed), ...calls].join('; ')),
      report,
    };
  const open = unmade(check);
  if (open.length > 0 || gaps.length > 0)
    return { verdict: 'inconclusive', reason: shorten([...open, ...gaps, ...calls].join('; ')), report };
  const { required } = check.score;
  const reason = `booted in ${Math.round(timings.bootMs)} ms, cut off; ${required.passed} required checks of the contract hold`;
  return { verdict: 'pass', reason: shorten([reason, ...calls].join('; ')), report };
}

/** What is kept of the calls outside, beside what else was seen. */
export const outsideReport = ({ answered, refused, elsewhere, recorded }: OutsideReport) => ({
  outside: { answered, refused, elsewhere, recorded: recorded.length },
});

/** Of calls outside, for people; nothing where there were none. */
export function outsideTold(outside: OutsideReport | undefined): string[] {
  if (!outside) return [];
  const { answered, refused, recorded } = outside;
  const named = refused.slice(0, TOLD).map(({ method, url, why }) => `${method} ${url} (${why})`);
  const more = refused.length > TOLD ? ` and ${refused.length - TOLD} more` : '';
  const calls = (n: number) => (n === 1 ? 'one call outside' : `${n} calls outside`);
  return [
    ...(recorded.length > 0 ? [`${calls(recorded.length)} recorded in ${OUTSIDE}`] : []),
    ...(answered > 0 && recorded.length === 0 ? [`${calls(answered)} answered from records`] : []),
    ...(refused.length > 0 ? [`refused outside: ${named.join(', ')}${more}`] : []),
  ];
}

function tellFailed({ id, outcome }: CheckResult): string {
  if (outcome.kind !== 'fail') return id;
  return `${id}: saw ${outcome.saw}, expected ${outcome.expected}: ${outcome.mend}`;
}

/** Required checks that could have been made. */
function unmade({ checks }: Report): string[] {
  const open = checks.flatMap(({ id, required, outcome }) =>
    required && outcome.kind === 'skip' && (outcome.why === 'needs-input' || outcome.why === 'blocked')
      ? [`${id} was not checked: ${outcome.reason}`]
      : [],
  );
  return open.slice(0, TOLD);
}

export function contractStage(
  seen: VisitReport,
  input: Omit<FitInput, 'sample'>,
): Came & { schemas?: AgentSchemas } {
  if (seen.notBooted !== undefined) return NOT_BOOTED;
  const findings = contractFindings({ ...input, ...(seen.sample && { sample: seen.sample }) });
  const verdict = findings.length === 0 ? 'pass' : worstOf(findings.map((f) => f.verdict));
  const told = findings.filter((f) => f.verdict === verdict).map((f) => f.message);
  const own = input.uses.filter((u) => u.agentId === input.agentId).length;
  const fits =
    own === 0
      ? 'no workflow uses it'
      : `it fits ${own === 1 ? 'the step that uses it' : `the ${own} steps that use it`}`;
  return {
    verdict,
    reason: shorten(verdict === 'pass' ? fits : told.slice(0, TOLD).join('; ')),
    report: { findings, schemas: input.own, uses: input.uses.length },
    ...((input.own.input ?? input.own.output) && { schemas: input.own }),
  };
}

export function resourcesStage(
  seen: VisitReport,
  incumbent: Profile | undefined,
  tolerancePercent: number,
): Came & { profile?: Profile } {
  if (seen.notBooted !== undefined) return NOT_BOOTED;
  const { profile } = seen;
  if (!profile) {
    const reason = 'what it uses could not be measured: validate it on Linux';
    return { verdict: 'inconclusive', reason, report: {} };
  }
  const { verdict, reason, rows } = compareProfiles(profile, incumbent, tolerancePercent);
  return { verdict, reason, report: { profile, rows, tolerancePercent }, profile };
}

/** Of two measurements of the same release the smaller figures: what disturbs a measurement only adds to it. */
export const smaller = (a: Profile, b: Profile | undefined): Profile => ({
  ...a,
  bootMs: Math.min(a.bootMs, b?.bootMs ?? Infinity),
  cpuMs: Math.min(a.cpuMs, b?.cpuMs ?? Infinity),
  peakRssBytes: Math.min(a.peakRssBytes, b?.peakRssBytes ?? Infinity),
});
