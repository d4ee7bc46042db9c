/** Judges a canary from the work that is on record. */
import { CANARY_RULES, judgeCanary, type Judgement } from '../../domain/rollout/canary';
import type { Rollout } from '../../domain/rollout/rollout';
import { countOf, frozenOf, sightedOf, type Frozen, type TaskSeen } from '../../domain/rollout/seen';
import type { Stage } from '../../domain/rollout/strategy';
import type { ReleaseWork } from '../../store/release-store';
import type { EngineDeps } from '../context';

/** The incumbent is known by its last tasks. */
const KNOWN_BY = 500;
/** Tasks of a candidate looked at; a canary is over long before. */
const MAX_TASKS = 5_000;
/** What tells nothing about a release. */
const NO_OUTCOME: ReadonlySet<string> = new Set(['cancelled', 'wait-too-long', 'bad-data', 'declined']);

type CanaryStage = Extract<Stage, { kind: 'canary' }>;

export class Canary {
  constructor(private readonly deps: Pick<EngineDeps, 'store' | 'clock'>) {}

  /** What it will be judged by. */
  async freeze({ incumbent, strategy }: Rollout): Promise<Frozen> {
    const { store, clock } = this.deps;
    const known = incumbent === undefined ? [] : await store.workOfRelease(incumbent, KNOWN_BY);
    return frozenOf(tasksOf(known), strategy.rollbackOn, CANARY_RULES, clock.now());
  }

  /** @param switchedOff why a guard holds the agent's work, if one does */
  async judge(rollout: Rollout, stage: CanaryStage, switchedOff: string | undefined): Promise<Judgement> {
    const { store, clock } = this.deps;
    const { candidate, incumbent, strategy, frozen, stageSince = clock.now() } = rollout;
    if (!frozen) return { decision: 'wait', reason: 'it has not begun', report: [] };
    const tasks = tasksOf(await store.workOfRelease(candidate, MAX_TASKS, frozen.since));
    const others = incumbent === undefined ? [] : await store.workOfRelease(incumbent, MAX_TASKS, stageSince);
    const mine = (await store.workOfRelease(candidate, MAX_TASKS, stageSince)).filter((w) => !w.shadow);
    const first = (list: readonly ReleaseWork[]) => list.filter((w) => w.attempt === 1 && !w.shadow).length;
    const isLast = strategy.stages[rollout.stage + 1]?.kind !== 'canary';
    const allowed = (await store.environment(rollout.agentId, rollout.environment))?.policy;
    // Keys that are listed or shared are no independent draws: their split tells nothing.
    const even = allowed?.allow.length === 0 && allowed.stickyBy === undefined;
    return judgeCanary({
      metrics: frozen.metrics.map((setting) => ({
        setting,
        seen: countOf(setting.metric, tasks, frozen, strategy.rollbackOn),
      })),
      sighted: sightedOf(tasks, switchedOff),
      ...(even && {
        split: { candidate: first(mine), incumbent: first(others), share: stage.weight / 100 },
      }),
      purpose: isLast ? 'promotion' : 'ramp',
      minRuns: minimum(rollout),
      ...{ notBefore: stageSince + stage.forMs, deadline: stageSince + stage.deadlineMs, now: clock.now() },
    });
  }
}

/** Of all canary stages up to this one. */
const minimum = ({ strategy, stage }: Rollout): number =>
  strategy.stages.slice(0, stage + 1).reduce((sum, s) => sum + (s.kind === 'canary' ? s.tasks : 0), 0);

/** What is over, for real, and tells something. */
export const tasksOf = (work: readonly ReleaseWork[]): TaskSeen[] =>
  work.flatMap(({ ended, shadow, at }) =>
    !ended || shadow || (NO_OUTCOME.has(ended.outcome) && !ended.intervened)
      ? []
      : {
          ok: ended.outcome === 'success',
          ...(ended.outcome === 'timeout' && { timedOut: true as const }),
          ...(ended.outcome === 'lost' && { crashed: true as const }),
          ...(ended.intervened && { intervened: true as const }),
          ...{ costUsd: ended.costUsd ?? 0, durationMs: ended.durationMs ?? 0, at },
        },
  );
