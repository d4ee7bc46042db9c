/** How long each stage of the work takes, from what the engine tells of runs and capsules. */
import type { EventEmitter } from 'node:events';
import { Counter, Histogram, type Registry as PromRegistry } from 'prom-client';
import type { CapsuleState } from '../domain/capsule';
import { planOf, type AttemptRecord, type RunState } from '../domain/run';
import { Seen } from '../domain/seen';
import type { EngineEvents, SettledResult } from '../engine/context';
import type { Clock } from '../engine/ports';
import { ReleaseSeries, releaseLabel } from './release-series';
import { countWork } from './work-metrics';

export const STAGES = ['hold', 'dispatch', 'work', 'settle', 'wake', 'probe', 'sleep'] as const;
type Stage = (typeof STAGES)[number];

/** Attempts, runs and shifts remembered as counted. */
const MAX_COUNTED = 10_000;
/** What ended longer ago was told by another process, which counts it. */
const FRESH_MS = 5_000;

export interface StageCounts {
  /** Tells no more of releases that work no more. @param active labels of those that pointers are on */
  forget(active: ReadonlySet<string>): void;
  close(): void;
}

export interface StageDeps {
  events: EventEmitter<EngineEvents>;
  clock: Clock;
  registry: PromRegistry;
}

/** Counts stages. Labels are agents, the releases that work, and outcomes. */
export function countStages({ events, clock, registry }: StageDeps): StageCounts {
  const seconds = new Histogram({
    name: 'reveille_stage_duration_seconds',
    help: 'Time each stage took: hold (waiting for the agent), dispatch, work, settle; wake, of which probe; sleep.',
    labelNames: ['stage', 'agent'] as const,
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800],
    registers: [registry],
  });
  const lateness = new Histogram({
    name: 'reveille_tick_lateness_seconds',
    help: 'Time from a scheduled time to the creation of its run.',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300],
    registers: [registry],
  });
  const attempts = new Counter({
    name: 'reveille_attempts_total',
    help: 'Attempts that ended, as this process settled them, by agent, its release and outcome.',
    labelNames: ['agent', 'release', 'outcome'] as const,
    registers: [registry],
  });
  const interventions = new Counter({
    name: 'reveille_interventions_total',
    help: 'Times that an agent waited for the word of a person, by agent, its release and how it ended.',
    labelNames: ['agent', 'release', 'outcome'] as const,
    registers: [registry],
  });
  const work = countWork(registry);
  const series = [attempts, interventions].map((counter) => new ReleaseSeries(counter));
  const [tried, asked] = series as [ReleaseSeries, ReleaseSeries];
  const counted = new Seen(MAX_COUNTED);
  const observe = (stage: Stage, agent: string, from: number | undefined, to: number | undefined) => {
    if (from !== undefined && to !== undefined)
      seconds.observe({ stage, agent }, Math.max(0, to - from) / 1_000);
  };
  const onAttempt = (agent: string, record: AttemptRecord) => {
    // The wait for a person is no work of the agent's.
    const { outcome } = record;
    const labels = { agent, release: releaseLabel(record.releaseId), outcome };
    if (record.kind === 'approval') return asked.add(labels, 1, clock.now());
    tried.add(labels, 1, clock.now());
    observe('hold', agent, record.requestedAt, record.grantedAt);
    observe('dispatch', agent, record.grantedAt, record.acceptedAt);
    observe('work', agent, record.acceptedAt, record.endedAt);
  };
  const onRun = (run: RunState) => {
    const now = clock.now();
    const { trigger } = run;
    if (trigger.kind === 'schedule' && isFresh(run.createdAt, now) && counted.first(run.id))
      lateness.observe(Math.max(0, run.createdAt - trigger.scheduledFor) / 1_000);
    for (const { id, history } of run.steps) {
      for (const record of history) {
        if (record.late || !isFresh(record.endedAt, now)) continue;
        if (!counted.first(`${run.id}/${id}/${record.attempt}`)) continue;
        const plan = planOf(run, id);
        if (plan.kind === 'agent') onAttempt(plan.agentId, record);
      }
    }
  };
  const onCapsule = (capsule: CapsuleState) => {
    const { id, agentId, generation, status, shift, drainMs } = capsule;
    if (status === 'awake' && shift?.healthyAt !== undefined && isFresh(shift.healthyAt, clock.now())) {
      if (!counted.first(`${id}/${generation}/awake`)) return;
      observe('wake', agentId, shift.requestedAt, shift.healthyAt);
      observe('probe', agentId, shift.acceptedAt, shift.healthyAt);
    }
    // Only who saw it drain knows that this is the shift which ended.
    if (status === 'draining') counted.first(`${id}/${generation}/draining`);
    if (status !== 'asleep' || drainMs === undefined || !counted.has(`${id}/${generation}/draining`)) return;
    if (counted.first(`${id}/${generation}/asleep`)) observe('sleep', agentId, 0, drainMs);
  };
  const onSettled = (settled: SettledResult) => {
    observe('settle', settled.agentId, 0, settled.ms);
    work.add(settled, clock.now());
  };
  events.on('run', onRun).on('capsule', onCapsule).on('settled', onSettled);
  return {
    forget: (active) => {
      for (const each of [...series, ...work.series]) each.forget(active, clock.now());
    },
    close: () => void events.off('run', onRun).off('capsule', onCapsule).off('settled', onSettled),
  };
}

const isFresh = (at: number, now: number): boolean => now - at < FRESH_MS;
