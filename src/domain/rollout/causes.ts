/** Why a release was taken back, in a word of few: what figures and traces are told apart by. */
import type { Rollout } from './rollout';
import type { StageKind } from './strategy';

/** The stage whose verdict took it back, its agent's breaker, or a person, who did so whatever it was at. */
export function causeOf({ verdicts, strategy, abortedBy }: Rollout): StageKind | 'breaker' | 'person' {
  if (abortedBy !== undefined) return abortedBy;
  const last = verdicts.at(-1);
  const kind = last && strategy.stages[last.stage]?.kind;
  return last?.verdict === 'fail' && kind !== undefined ? kind : 'person';
}
