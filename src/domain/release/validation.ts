/** The validation pipeline: what a release is judged by before it gets work, and which of it an environment demands. */
import type { Strategy } from '../rollout/strategy';
import type { VerdictKind } from '../rollout/verdict';
import { needsEvaluation, type ReleaseChange } from './diff';
import { VALIDATION_STAGES, type Environment } from './environment';
import type { PermissionBound } from './permissions';
import { compareProfiles, DEFAULT_TOLERANCE_PERCENT, type Profile } from './profile';
import type { Finding } from './static-check';

/** What is judged where the agent's folder is, and told to the orchestrator. */
const JUDGED_STAGES = ['sandbox', 'contract', 'resources', 'evals'] as const;
/** Likewise `replay`, which no policy demands: a strategy has it as a stage of its own. */
export const REPORTED_STAGES = [...JUDGED_STAGES, 'replay'] as const;
export type ReportedStage = (typeof REPORTED_STAGES)[number];
/** `static` is judged by the orchestrator itself, each time. */
export { VALIDATION_STAGES };
export type { ValidationStage } from './environment';

/** The shapes of an agent's input and output, as JSON Schemas. */
export interface AgentSchemas {
  input?: Record<string, unknown>;
  output?: Record<string, unknown>;
}

/** What one stage came to for one release. The newest of a stage counts. */
export interface StageVerdict {
  id: string;
  releaseId: string;
  stage: ReportedStage;
  verdict: VerdictKind;
  /** In a sentence, for people. */
  reason: string;
  /** SHA-256 of what it rests on, as the store keeps it. */
  evidence: string;
  durationMs: number;
  at: number;
  /** Who told it, as the ledger names them. */
  by: string;
  /** Of `resources`: what was measured. */
  profile?: Profile;
  /** Of `contract`: what the agent takes and gives, where it tells. */
  schemas?: AgentSchemas;
}

/** A verdict that has to be there. */
export interface Demand {
  stage: ReportedStage;
  /** Nobody may answer for it in its place: without a pass the release is refused. */
  strict: boolean;
  why: string;
}

const PRODUCTION = /^prod(uction)?$/;

/** Whether what happens in an environment is for real. */
export const isProduction = (name: string): boolean => PRODUCTION.test(name);

/**
 * @param changes what is different from what is stable there; undefined where nothing is
 */
export function demandsOf(
  { name, policy }: Pick<Environment, 'name' | 'policy'>,
  changes: readonly ReleaseChange[] | undefined,
): Demand[] {
  const told = changes?.find((c) => c.part === 'model' || c.part === 'prompt');
  const isChanged = isProduction(name) && changes !== undefined && needsEvaluation(changes);
  return JUDGED_STAGES.flatMap((stage): Demand[] => {
    if (stage === 'evals' && isChanged)
      return [{ stage, strict: true, why: `${told?.part} ${told?.name} ${told?.kind}` }];
    const isListed = policy.demands.includes(stage);
    return isListed ? [{ stage, strict: false, why: `the policy of ${name}` }] : [];
  });
}

/** Whether a strategy has a release do work that counts. */
export const givesWork = ({ stages }: Pick<Strategy, 'stages'>): boolean =>
  stages.some((s) => s.kind === 'canary' || s.kind === 'switch');

const VALIDATE_WITHIN_MS = 60_000;

/** The strategy, with a validation first if it has none. */
export const withValidation = (strategy: Strategy): Strategy =>
  strategy.stages.some((s) => s.kind === 'validate')
    ? strategy
    : { ...strategy, stages: [{ kind: 'validate', withinMs: VALIDATE_WITHIN_MS }, ...strategy.stages] };

/**
 * Whether a release may not get work in an environment without a validation, whatever the strategy says.
 * @param bounds what it may ask for there
 */
export const isValidated = (
  { name, policy }: Pick<Environment, 'name' | 'policy'>,
  bounds: readonly PermissionBound[] = [],
): boolean => isProduction(name) || policy.demands.length > 0 || bounds.length > 0;

/** The newest verdict of each stage. */
export function latestOf(verdicts: readonly StageVerdict[]): Map<ReportedStage, StageVerdict> {
  const latest = new Map<ReportedStage, StageVerdict>();
  for (const one of verdicts) {
    const known = latest.get(one.stage);
    if (!known || one.at > known.at) latest.set(one.stage, one);
  }
  return latest;
}

/**
 * What the demanded verdicts come to. One that is not there tells nothing; of what nobody may answer for, that is
 * a failure.
 * @param incumbent the verdicts of what is stable in the environment
 */
export function findingsOf(
  demands: readonly Demand[],
  releaseId: string,
  verdicts: readonly StageVerdict[],
  incumbent: readonly StageVerdict[],
  tolerancePercent = DEFAULT_TOLERANCE_PERCENT,
): Finding[] {
  const [mine, theirs] = [latestOf(verdicts), latestOf(incumbent)];
  return demands.map(({ stage, strict, why }): Finding => {
    const found = mine.get(stage);
    const mend = `reveille release validate ${releaseId.slice(0, 12)} --folder <its folder>`;
    const verdict = (kind: VerdictKind): VerdictKind => (strict && kind !== 'pass' ? 'fail' : kind);
    if (!found)
      return {
        check: stage,
        verdict: verdict('inconclusive'),
        message: `there is no verdict, and it is demanded (${why}): ${mend}`,
      };
    const { verdict: kind, reason } =
      stage === 'resources' && found.profile && found.verdict !== 'inconclusive'
        ? compareProfiles(found.profile, theirs.get('resources')?.profile, tolerancePercent)
        : found;
    return { check: stage, verdict: verdict(kind), message: reason };
  });
}
