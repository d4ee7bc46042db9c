/**
 * What a trace tells of a run, from the tick that asked for it to the verified zero of the capsules that it woke:
 * read off the record, so that the times are those which were written down and a second look tells the same.
 * Names and attributes come from the registry and the code alone: nothing that an agent or a caller says is in them.
 */
import type { WorkedShift } from './cost/attribute';
import type { LeaseTime } from './cost/timeline';
import type { Shift } from './capsule';
import { isTerminal, type AttemptRecord, type RunState, type StepState } from './run';
import { spanIdOf, traceIdOf } from './trace';

export interface SpanData {
  traceId: string;
  /** 16 hexadecimal digits. */
  spanId: string;
  /** Undefined: the root of its trace. */
  parentId?: string;
  name: string;
  /** Epoch milliseconds. */
  from: number;
  to: number;
  /** The way in, the way out to an agent or the platform, or what lies between. */
  kind: 'server' | 'client' | 'internal';
  attributes: Record<string, string | number>;
  /** Why it did not succeed: a word of the record. */
  fault?: string;
  /** The span of another trace that asked for this one. */
  cause?: { traceId: string; spanId: string };
}

/** Runs that share a shift and are each told of it; it may have served thousands. */
const MAX_RUNS_OF_SHIFT = 50;

export interface Part {
  key: ReadonlyArray<string | number>;
  parent?: ReadonlyArray<string | number>;
  name: string;
  from: number | undefined;
  to: number | undefined;
  kind?: SpanData['kind'];
  attributes?: Record<string, string | number | undefined>;
  fault?: string | undefined;
  cause?: SpanData['cause'] | undefined;
}

/** A part of a run that was reached; none otherwise. */
const partOf = (runId: string, part: Part): SpanData[] =>
  spanOf(runId, { ...part, attributes: { 'reveille.run.id': runId, ...part.attributes } });

/** A part that was reached of whatever a trace is about; none otherwise. @param of its id, a UUID */
export function spanOf(of: string, part: Part): SpanData[] {
  const { key, parent, name, from, to, kind = 'internal', attributes = {}, fault, cause } = part;
  if (from === undefined || to === undefined) return [];
  const told = Object.entries(attributes).flatMap(([k, v]) => (v === undefined ? [] : [[k, v] as const]));
  return [
    {
      ...{ traceId: traceIdOf(of), spanId: spanIdOf(of, ...key), name, kind },
      ...{ from, to: Math.max(from, to), attributes: Object.fromEntries(told) },
      ...(parent && { parentId: spanIdOf(of, ...parent) }),
      ...(fault !== undefined && { fault }),
      ...(cause && { cause }),
    },
  ];
}

/** The run and its steps, once it is over; nothing before. */
export function spansOfRun(run: RunState): SpanData[] {
  const { id, workflowId, trigger, finishedAt, status } = run;
  if (!isTerminal(status) || finishedAt === undefined) return [];
  const from = trigger.kind === 'schedule' ? Math.min(trigger.scheduledFor, run.createdAt) : run.createdAt;
  const root = partOf(id, {
    ...{ key: [], name: `run ${workflowId}`, kind: 'server', from, to: finishedAt, cause: causeOf(run) },
    fault: status === 'succeeded' ? undefined : (run.error?.kind ?? status),
    attributes: {
      ...{ 'reveille.workflow.id': workflowId, 'reveille.trigger': trigger.kind },
      'reveille.run.status': status,
    },
  });
  const tick = trigger.kind === 'schedule' ? { from: trigger.scheduledFor, to: run.createdAt } : undefined;
  return [
    ...root,
    ...(tick ? partOf(id, { key: ['tick'], parent: [], name: 'tick', ...tick }) : []),
    ...run.steps.flatMap((step) => spanOfStep(run, step)),
  ];
}

function causeOf({ trigger }: RunState): SpanData['cause'] {
  if (trigger.kind === 'step')
    return { traceId: traceIdOf(trigger.runId), spanId: spanIdOf(trigger.runId, trigger.stepId) };
  if (trigger.kind === 'rerun' || trigger.kind === 'run')
    return { traceId: traceIdOf(trigger.of), spanId: spanIdOf(trigger.of) };
  return undefined;
}

function spanOfStep(run: RunState, step: StepState): SpanData[] {
  // What was taken over from another run took its time there.
  if (step.reusedFrom !== undefined) return [];
  return partOf(run.id, {
    ...{ key: [step.id], parent: [], name: `step ${step.id}` },
    from: step.history[0]?.requestedAt ?? step.requestedAt,
    to: step.finishedAt ?? run.finishedAt,
    fault:
      step.status === 'failed' || step.status === 'cancelled' ? (step.error?.kind ?? step.status) : undefined,
    attributes: { ...aboutStep(run, step.id), 'reveille.step.status': step.status },
  });
}

function aboutStep(run: RunState, stepId: string): Record<string, string | undefined> {
  const plan = run.plan.find(({ id }) => id === stepId);
  return {
    ...{ 'reveille.workflow.id': run.workflowId, 'reveille.step.id': stepId },
    'reveille.agent.id': plan?.kind === 'agent' ? plan.agentId : undefined,
  };
}

/**
 * An attempt that is over. Its span is the one that the agent was told to continue.
 * @param settledAt when its result was durable and what follows from it was decided
 */
export function spansOfAttempt(
  run: RunState,
  stepId: string,
  record: AttemptRecord,
  settledAt: number,
): SpanData[] {
  const { attempt, requestedAt, grantedAt, acceptedAt, endedAt, outcome } = record;
  const key = [stepId, attempt];
  const fault = outcome === 'success' ? undefined : outcome;
  const within = (name: string, from: number | undefined, to: number | undefined, kind?: SpanData['kind']) =>
    partOf(run.id, { key: [...key, name], parent: key, name, from, to, ...(kind && { kind }) });
  return [
    ...partOf(run.id, {
      ...{ key, parent: [stepId], name: `attempt ${stepId}`, kind: 'client', fault },
      ...{ from: requestedAt, to: endedAt },
      attributes: {
        ...aboutStep(run, stepId),
        ...{ 'reveille.attempt': attempt, 'reveille.outcome': outcome },
        ...{ 'reveille.attempt.kind': record.kind, 'reveille.release.id': record.releaseId },
        'reveille.capsule.generation': record.generation,
      },
    }),
    ...within('hold', requestedAt, grantedAt ?? endedAt),
    ...within('dispatch', grantedAt, acceptedAt, 'client'),
    ...within('work', acceptedAt, endedAt, 'client'),
    // Of the time that counts as the attempt's it is no part: what was told is written down.
    ...within('settle', endedAt, settledAt),
  ];
}

/** A shift that is over, told to each run that was served in it: its wake to those that waited for it. */
export function spansOfShift({ shift, leases }: WorkedShift): SpanData[] {
  const byRun = new Map<string, LeaseTime>();
  for (const lease of leases) {
    const known = byRun.get(lease.runId);
    if (known === undefined && byRun.size >= MAX_RUNS_OF_SHIFT) break;
    if (known === undefined || lease.requestedAt < known.requestedAt) byRun.set(lease.runId, lease);
  }
  return [...byRun].flatMap(([runId, first]) => [
    ...wakeOf(runId, shift, first),
    ...sleepOf(runId, shift, byRun.size),
  ]);
}

function wakeOf(runId: string, shift: Shift, { stepId, attempt, requestedAt }: LeaseTime): SpanData[] {
  const { requestedAt: from, acceptedAt, firstTcpAt, healthyAt } = shift;
  if (healthyAt === undefined || requestedAt > healthyAt) return [];
  const wake = keyOf(shift, 'wake');
  const within = (name: string, start: number | undefined, to: number | undefined) =>
    partOf(runId, {
      ...{ key: keyOf(shift, name), parent: wake, name, from: start, to, kind: 'client' },
      attributes: about(shift),
    });
  return [
    ...partOf(runId, {
      ...{ key: wake, parent: [stepId, attempt], name: 'wake', from, to: healthyAt, kind: 'client' },
      attributes: about(shift),
    }),
    ...within('scale-up', from, acceptedAt),
    ...within('boot', acceptedAt, firstTcpAt ?? healthyAt),
    ...within('probe', firstTcpAt, healthyAt),
  ];
}

function sleepOf(runId: string, shift: Shift, runs: number): SpanData[] {
  const { lastWorkAt, scaleDownAt, zeroAt } = shift;
  const part = (name: string, from: number | undefined, to: number | undefined, kind: SpanData['kind']) =>
    partOf(runId, {
      ...{ key: keyOf(shift, name), parent: [], name, from, to, kind },
      attributes: { ...about(shift), 'reveille.shift.runs': runs },
    });
  return [
    ...part('linger', lastWorkAt, scaleDownAt, 'internal'),
    ...part('sleep', scaleDownAt, zeroAt, 'client'),
  ];
}

const keyOf = ({ capsuleId, generation }: Shift, part: string) => ['shift', capsuleId, generation, part];

const about = ({ capsuleId, agentId, generation }: Shift) => ({
  ...{ 'reveille.capsule.id': capsuleId, 'reveille.agent.id': agentId },
  'reveille.capsule.generation': generation,
});
