/** A run on one time axis: what each moment of each step went into. Pure; times are epoch ms. */
import type { RunView, Shift, StepView } from '../../api/types';

export const SEGMENTS = {
  queued: 'waits to start',
  held: 'waits for its agent',
  wake: 'the platform is asked to wake it',
  boot: 'boots',
  probe: 'answers, but is not healthy yet',
  send: 'the job is sent',
  work: 'works',
  settle: 'the result is on its way',
  parked: 'waits for a time, an event, a person or runs',
  backoff: 'waits for the next attempt',
  linger: 'stays awake for more work',
  sleep: 'is put to sleep',
} as const;
export type SegmentKind = keyof typeof SEGMENTS;

export interface Segment {
  kind: SegmentKind;
  from: number;
  to: number;
  /** Not over yet. */
  open?: true;
}

export interface Lane {
  /** Undefined: the run as a whole. */
  stepId?: string;
  segments: Segment[];
}

export interface Timeline {
  from: number;
  to: number;
  lanes: Lane[];
}

const ms = (time: string | null | undefined): number | undefined => (time ? Date.parse(time) : undefined);
/** Clocks differ by a little; a settle shorter than this is none. */
const SETTLE_MIN_MS = 5;

/** @param now where what is not over ends */
export function timelineOf(run: RunView, now: number): Timeline {
  const from = Date.parse(run.createdAt);
  const started = ms(run.startedAt) ?? ms(run.finishedAt);
  const queued = segment('queued', from, started, now);
  const steps = run.steps.map((step) => ({ stepId: step.id, segments: stepSegments(step, now) }));
  // A shift's end is drawn once, in the lane of the step that used it last.
  const drawn = new Set<string>();
  for (const lane of [...steps].reverse()) {
    const step = run.steps.find(({ id }) => id === lane.stepId);
    for (const shift of shiftsOf(step)) {
      const key = `${shift.capsuleId} ${shift.generation}`;
      if (!drawn.has(key)) lane.segments.push(...endOf(shift, now));
      drawn.add(key);
    }
  }
  const lanes: Lane[] = [...(queued.length > 0 ? [{ segments: queued }] : []), ...steps];
  const ends = lanes.flatMap(({ segments }) => segments.map(({ to }) => to));
  return { from, to: Math.max(from + 1, ms(run.finishedAt) ?? now, ...ends), lanes };
}

const shiftsOf = (step: StepView | undefined): Shift[] =>
  [...(step?.attempts ?? []).map(({ shift }) => shift), step?.shift].filter((s): s is Shift => !!s);

function stepSegments(step: StepView, now: number): Segment[] {
  const segments: Segment[] = [];
  let last: number | undefined;
  for (const attempt of step.attempts) {
    const asked = Date.parse(attempt.requestedAt);
    if (last !== undefined) segments.push(...segment('backoff', last, asked, now));
    last = Date.parse(attempt.endedAt);
    segments.push(...attemptSegments(step, attempt, last, now));
  }
  const isUnderWay = !step.attempts.some(({ attempt }) => attempt === step.attempt);
  if (step.status === 'backing-off') segments.push(...segment('backoff', last ?? now, undefined, now));
  if (isUnderWay && step.requestedAt !== null) {
    const asked = Date.parse(step.requestedAt);
    if (last !== undefined) segments.push(...segment('backoff', last, asked, now));
    const current = { ...step, requestedAt: step.requestedAt, agentMs: null };
    segments.push(...attemptSegments(step, current, ms(step.finishedAt), now));
  }
  return segments;
}

interface Times {
  requestedAt: string;
  grantedAt: string | null;
  acceptedAt: string | null;
  agentMs: number | null;
  shift: Shift | null;
}

function attemptSegments(step: StepView, times: Times, end: number | undefined, now: number): Segment[] {
  const asked = Date.parse(times.requestedAt);
  if (step.kind !== 'agent') return segment('parked', asked, end, now);
  const granted = ms(times.grantedAt);
  const accepted = ms(times.acceptedAt);
  const waiting = waitSegments(asked, granted ?? end, times.shift, now);
  if (granted === undefined) return waiting;
  if (accepted === undefined) return [...waiting, ...segment('send', granted, end, now)];
  const { agentMs } = times;
  // What the agent measured is its work; the rest is the way of the result.
  const worked = agentMs === null || end === undefined ? end : Math.min(end, accepted + agentMs);
  const settles = worked !== undefined && end !== undefined && end - worked > SETTLE_MIN_MS;
  return [
    ...waiting,
    ...segment('send', granted, accepted, now),
    ...segment('work', accepted, settles ? worked : end, now),
    ...(settles ? segment('settle', worked, end, now) : []),
  ];
}

/** The wait for a place, and how far it was the boot of the agent. */
function waitSegments(asked: number, until: number | undefined, shift: Shift | null, now: number): Segment[] {
  const end = until ?? now;
  const marks: Array<[SegmentKind, number | undefined]> = [
    ['wake', ms(shift?.requestedAt)],
    ['boot', ms(shift?.acceptedAt)],
    ['probe', ms(shift?.firstTcpAt)],
    ['held', ms(shift?.healthyAt)],
  ];
  const segments: Segment[] = [];
  let kind: SegmentKind = 'held';
  let at = asked;
  for (const [next, time] of marks) {
    if (time === undefined) continue;
    const here = Math.min(Math.max(time, at), end);
    segments.push(...segment(kind, at, here, now));
    [kind, at] = [next, here];
  }
  return [...segments, ...segment(kind, at, until, now)];
}

function endOf(shift: Shift, now: number): Segment[] {
  const worked = ms(shift.lastWorkAt);
  const down = ms(shift.scaleDownAt);
  return [
    ...(worked === undefined || down === undefined ? [] : segment('linger', worked, down, now)),
    ...(down === undefined ? [] : segment('sleep', down, ms(shift.zeroAt), now)),
  ];
}

/** One segment, or none where it has no length. `to` undefined: it is not over. */
function segment(kind: SegmentKind, from: number, to: number | undefined, now: number): Segment[] {
  const end = to ?? Math.max(from, now);
  if (end < from || (end === from && to !== undefined)) return [];
  return [{ kind, from, to: end, ...(to === undefined && { open: true as const }) }];
}
