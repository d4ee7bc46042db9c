/** Figures of rollouts: how long they and their stages take, how they end, what is taken back and why, what works where. */
import type { EventEmitter } from 'node:events';
import { Counter, Gauge, Histogram, type Registry as PromRegistry } from 'prom-client';
import type { Environment } from '../domain/release/environment';
import { causeOf } from '../domain/rollout/causes';
import { isRolloutOver, ROLLOUT_STATUSES, type Rollout } from '../domain/rollout/rollout';
import type { MovedBack } from '../domain/rollout-spans';
import { Seen } from '../domain/seen';
import type { EngineEvents } from '../engine/context';
import type { ReleaseStore } from '../store/release-store';
import { releaseLabel } from './release-series';

/** Verdicts remembered as counted. */
const MAX_COUNTED = 10_000;
/** From a direct one, within milliseconds, to a canary of an agent that seldom works. */
const ROLLOUT_BUCKETS = [0.1, 0.5, 1, 5, 30, 60, 300, 900, 3_600, 21_600, 86_400, 604_800];
const VALIDATION_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** What a stage of the validation pipeline took, where the agent's folder is. */
export interface ValidationSample {
  stage: string;
  verdict: string;
  durationMs: number;
}

/** Begins to count what this process commits. Labels are strategies, stages and statuses of the code. */
export function countRollouts(events: EventEmitter<EngineEvents>, registry: PromRegistry) {
  const registers = [registry];
  const duration = new Histogram({
    name: 'reveille_rollout_duration_seconds',
    help: 'Time from the beginning of a rollout to its end, by strategy and how it ended: done or rolled-back.',
    labelNames: ['strategy', 'outcome'] as const,
    buckets: ROLLOUT_BUCKETS,
    registers,
  });
  const stages = new Histogram({
    name: 'reveille_rollout_stage_duration_seconds',
    help: 'Time a stage of a rollout took until its verdict.',
    labelNames: ['stage', 'verdict'] as const,
    buckets: ROLLOUT_BUCKETS,
    registers,
  });
  const validation = new Histogram({
    name: 'reveille_validation_duration_seconds',
    help: 'Time a stage of the validation pipeline took, as it was told with its verdict.',
    labelNames: ['stage', 'verdict'] as const,
    buckets: VALIDATION_BUCKETS,
    registers,
  });
  const rollbacks = new Counter({
    name: 'reveille_rollbacks_total',
    help: 'Releases that were taken back, by cause: the stage whose verdict did it, breaker, or person.',
    labelNames: ['cause'] as const,
    registers,
  });
  const told = new Seen(MAX_COUNTED);
  const onRollout = (rollout: Rollout) => {
    const { strategy, status, verdicts, createdAt, finishedAt = createdAt } = rollout;
    const last = verdicts.at(-1);
    // Each commit adds one at most, which is there again with what is committed after it.
    if (last?.since !== undefined && told.first(`${rollout.id}/${last.stage}/${last.round}`)) {
      const stage = strategy.stages[last.stage]?.kind ?? 'unknown';
      stages.observe({ stage, verdict: last.verdict }, Math.max(0, last.at - last.since) / 1_000);
    }
    if (!isRolloutOver(status)) return;
    duration.observe({ strategy: strategy.name, outcome: status }, (finishedAt - createdAt) / 1_000);
    if (status === 'rolled-back') rollbacks.inc({ cause: causeOf(rollout) });
  };
  const onRollback = ({ actor }: MovedBack) =>
    rollbacks.inc({ cause: actor === 'engine' ? 'breaker' : 'person' });
  events.on('rollout', onRollout);
  events.on('rollback', onRollback);
  return {
    observeValidation: ({ stage, verdict, durationMs }: ValidationSample) =>
      validation.observe({ stage, verdict }, durationMs / 1_000),
    close: () => void events.off('rollout', onRollout).off('rollback', onRollback),
  };
}

export type ReleaseReads = Pick<ReleaseStore, 'environments' | 'openRollouts'>;

/** What works where, as the record has it when Prometheus asks. */
export function releaseGauges(registry: PromRegistry) {
  const share = new Gauge({
    name: 'reveille_release_share',
    help: 'The share of the work that a release is given, 0 to 1; previous is what a rollback goes to.',
    labelNames: ['agent', 'environment', 'pointer', 'release'] as const,
    registers: [registry],
  });
  const open = new Gauge({
    name: 'reveille_rollouts_open',
    help: 'Rollouts under way, by status.',
    labelNames: ['status'] as const,
    registers: [registry],
  });
  /** Answers the labels of the releases that pointers are on. */
  const read = async (store: ReleaseReads): Promise<ReadonlySet<string>> => {
    const [environments, rollouts] = await Promise.all([store.environments(), store.openRollouts()]);
    share.reset();
    for (const env of environments) tellShares(env, share);
    for (const status of ROLLOUT_STATUSES.filter((s) => !isRolloutOver(s)))
      open.set({ status }, rollouts.filter((r) => r.status === status).length);
    return new Set(environments.flatMap((e) => [e.stable, e.previous, e.candidate]).map(releaseLabel));
  };
  return { read, stale: [share, open] };
}

function tellShares(
  { agentId: agent, name: environment, stable, previous, candidate, weight }: Environment,
  share: Gauge<'agent' | 'environment' | 'pointer' | 'release'>,
): void {
  const given = candidate === undefined ? 0 : weight / 100;
  const pointers = [
    ['stable', stable, 1 - given],
    ['candidate', candidate, given],
    ['previous', previous, 0],
  ] as const;
  for (const [pointer, release, value] of pointers)
    if (release !== undefined)
      share.set({ agent, environment, pointer, release: releaseLabel(release) }, value);
}
