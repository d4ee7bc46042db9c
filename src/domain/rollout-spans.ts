/**
 * The trace of a rollout, once it is over: its stages with their verdicts, and the way back. Read off the record,
 * as those of runs are; the trace id is the rollout's id.
 */
import { causeOf } from './rollout/causes';
import { isRolloutOver, type Rollout, type StageVerdict } from './rollout/rollout';
import { spanOf, type SpanData } from './spans';

/** Nothing before it is over. */
export function spansOfRollout(rollout: Rollout): SpanData[] {
  const { id, status, strategy, createdAt, finishedAt, verdicts, abortedAt } = rollout;
  if (!isRolloutOver(status) || finishedAt === undefined) return [];
  const cause = status === 'done' ? undefined : causeOf(rollout);
  return [
    ...spanOf(id, {
      ...{ key: [], name: `rollout ${rollout.agentId}`, kind: 'server', from: createdAt, to: finishedAt },
      attributes: {
        ...about(rollout),
        ...{ 'reveille.rollout.strategy': strategy.name, 'reveille.rollout.status': status },
        'reveille.rollback.cause': cause,
      },
      fault: cause && `taken back: ${cause}`,
    }),
    ...verdicts.flatMap((verdict) => spanOfStage(rollout, verdict)),
    ...spanOf(id, {
      ...{ key: ['restore'], parent: [], name: 'restore', from: abortedAt, to: finishedAt },
      attributes: { ...about(rollout), 'reveille.rollback.cause': cause },
    }),
  ];
}

/** A pointer that went back after its rollout was done: the end of that one's trace. */
export interface MovedBack {
  agentId: string;
  environment: string;
  /** What was taken back. */
  from: string;
  /** What works again. */
  releaseId: string;
  actor: string;
  /** When it was asked for. */
  begunAt: number;
  at: number;
  /** The rollout that had brought it there, where it is still known. */
  rolloutId?: string;
}

/** Nothing where the rollout is known no more. */
export function spansOfMovedBack(back: MovedBack): SpanData[] {
  const { agentId, environment, from, releaseId, actor, begunAt, at, rolloutId: id } = back;
  if (id === undefined) return [];
  const cause = actor === 'engine' ? 'breaker' : 'person';
  return spanOf(id, {
    ...{ key: ['rollback', begunAt], parent: [], name: 'rollback', from: begunAt, to: at },
    attributes: {
      ...about({ id, agentId, environment, candidate: from, incumbent: releaseId }),
      'reveille.rollback.cause': cause,
    },
    fault: `taken back: ${cause}`,
  });
}

function spanOfStage(rollout: Rollout, { stage, round, since, at, verdict }: StageVerdict): SpanData[] {
  const planned = rollout.strategy.stages[stage];
  if (!planned) return [];
  return spanOf(rollout.id, {
    ...{ key: [stage, round], parent: [], name: `stage ${planned.kind}`, from: since, to: at },
    attributes: {
      ...about(rollout),
      ...{ 'reveille.rollout.round': round, 'reveille.rollout.verdict': verdict },
      'reveille.rollout.weight': planned.kind === 'canary' ? planned.weight : undefined,
    },
    fault: verdict === 'pass' ? undefined : verdict,
  });
}

type About = Pick<Rollout, 'id' | 'agentId' | 'environment' | 'candidate' | 'incumbent'>;
const about = ({ id, agentId, environment, candidate, incumbent }: About) => ({
  ...{ 'reveille.rollout.id': id, 'reveille.agent.id': agentId, 'reveille.environment': environment },
  ...{ 'reveille.release.id': candidate, 'reveille.release.before': incumbent },
});
