/** Judges a canary from the work that is on record. */
import { z } from 'zod';
import { CANARY_RULES, judgeCanary, type CanaryRules, type Judgement } from '../../domain/rollout/canary';
import type { Pairs } from '../../domain/rollout/paired';
import type { Rollout } from '../../domain/rollout/rollout';
import {
  besideOf,
  countOf,
  frozenOf,
  sightedOf,
  type Frozen,
  type TaskSeen,
} from '../../domain/rollout/seen';
import type { Stage, Strategy } from '../../domain/rollout/strategy';
import type { ReleaseWork } from '../../store/release-store';
import type { EngineDeps } from '../context';

/** The incumbent is known by its last tasks. */
const KNOWN_BY = 500;
/** Tasks of a candidate looked at; a canary is over long before. */
const MAX_TASKS = 5_000;
/** What tells nothing about a release. */
export const NO_OUTCOME: ReadonlySet<string> = new Set([
  'cancelled',
  'wait-too-long',
  'bad-data',
  'declined',
]);

/** Of the evidence of a replay, or of a shadow, what is taken from it. */
const Compared = z.object({
  report: z.object({
    outcomes: z.object({ worse: z.number(), better: z.number(), same: z.number() }),
  }),
});

type CanaryStage = Extract<Stage, { kind: 'canary' }>;

export class Canary {
  constructor(private readonly deps: Pick<EngineDeps, 'store' | 'clock'>) {}

  /** What it will be judged by. */
  async freeze(rollout: Rollout): Promise<Frozen> {
    const { store, clock } = this.deps;
    const { incumbent, strategy } = rollout;
    const known = incumbent === undefined ? [] : await store.workOfRelease(incumbent, KNOWN_BY);
    const frozen = frozenOf(tasksOf(known), strategy.rollbackOn, CANARY_RULES, clock.now());
    const replayed = await this.replayed(rollout);
    return replayed ? { ...frozen, replayed } : frozen;
  }

  /** The evidence of the stages before it in which both did the same tasks. */
  private async replayed({ strategy, verdicts }: Rollout): Promise<Pairs | undefined> {
    const last = new Map(verdicts.map((v) => [v.stage, v.evidence[0]]));
    const found: Pairs[] = [];
    for (const [stage, evidence] of last) {
      const kind = strategy.stages[stage]?.kind;
      if (evidence === undefined || (kind !== 'replay' && kind !== 'shadow')) continue;
      const content = await this.deps.store.releasePart(evidence);
      const read = content && Compared.safeParse(JSON.parse(content.toString('utf8')));
      if (read?.success) found.push(read.data.report.outcomes);
    }
    const sum = (key: keyof Pairs) => found.reduce((total, pairs) => total + pairs[key], 0);
    return found.length === 0 ? undefined : { worse: sum('worse'), better: sum('better'), same: sum('same') };
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
    // Of the last stage alone: begun anew with each, it would be looked at for chance so many times.
    const both = { candidate: tasksOf(mine), incumbent: tasksOf(others), weight: isLast ? stage.weight : 0 };
    const besides = (metric: string) => {
      const beside = besideOf(metric, both, frozen, strategy.rollbackOn);
      return beside && { beside };
    };
    const look = {
      metrics: frozen.metrics.map((setting) => ({
        setting,
        seen: countOf(setting.metric, tasks, frozen, strategy.rollbackOn),
        ...(setting.metric === 'failed' && frozen.replayed && { replayed: frozen.replayed }),
        ...besides(setting.metric),
      })),
      sighted: sightedOf(tasks, switchedOff),
      ...(even && {
        split: { candidate: first(mine), incumbent: first(others), share: stage.weight / 100 },
      }),
      purpose: isLast ? ('promotion' as const) : ('ramp' as const),
      minRuns: minimum(rollout),
      ...{ notBefore: stageSince + stage.forMs, deadline: stageSince + stage.deadlineMs, now: clock.now() },
    };
    return judgeCanary(look, rulesOf(strategy));
  }
}

/** What a strategy caps ends a canary without statistics. */
const rulesOf = ({ costCapUsd }: Strategy): CanaryRules =>
  costCapUsd === undefined
    ? CANARY_RULES
    : { ...CANARY_RULES, tripwires: { ...CANARY_RULES.tripwires, costCapUsd } };

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
          ...(ended.violated && { violated: true as const }),
          ...(ended.intervened && { intervened: true as const }),
          ...{ costUsd: ended.costUsd ?? 0, durationMs: ended.durationMs ?? 0, at },
        },
  );
