/** What happened to a run, in the order it happened, made from what the API tells of it. */
import { seconds } from '../demo/timeline';
import type { RunView } from '../../http/views/run';

type Step = RunView['steps'][number];
type Attempt = Step['attempts'][number];
type Shift = NonNullable<Step['shift']>;

/** One line of a log. */
export interface RunEvent {
  /** ISO 8601, as the API gave it. */
  at: string;
  /** The step it is about; null for the run itself. */
  step: string | null;
  /** One word of the vocabulary that the demo and the dashboard use. */
  word: string;
  detail: string;
}

/** Every event so far, oldest first. What is told once is told the same later. */
export function eventsOf(run: RunView): RunEvent[] {
  const own: Array<RunEvent | undefined> = [
    event(run.createdAt, null, 'queued', `run ${run.id} of workflow ${run.workflowId}`),
    event(run.startedAt, null, 'running', 'the run begins'),
  ];
  const over = run.error ? `${run.error.kind}: ${run.error.message}` : '';
  const steps = run.steps.flatMap(ofStep);
  const shifts = run.steps.flatMap(ofShifts);
  const all = [...own, ...steps, event(run.finishedAt, null, run.status, over), ...shifts].filter(
    (e) => e !== undefined,
  );
  // Stable: what has the same millisecond stays in this order.
  return unique(all).sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

const event = (at: string | null, step: string | null, word: string, detail = ''): RunEvent | undefined =>
  at === null ? undefined : { at, step, word, detail };

function ofStep(step: Step): Array<RunEvent | undefined> {
  const { id, attempts, status } = step;
  const current = attempts.some((a) => a.attempt === step.attempt) ? [] : asked(step, step.attempt, step);
  const over = attempts.flatMap((a) => [...asked(step, a.attempt, a), ended(step, a)]);
  const last = attempts.at(-1);
  const told = last !== undefined && last.endedAt === step.finishedAt && last.outcome === 'success';
  const detail = step.error ? `${step.error.kind}: ${step.error.message}` : (step.reason ?? '');
  // A result that ended the step has been told as the result of its attempt.
  return [...over, ...current, told ? undefined : event(step.finishedAt, id, status, detail)];
}

type Times = Pick<Attempt, 'requestedAt' | 'grantedAt' | 'acceptedAt'>;

/** An attempt asks for its agent, gets it and hands over the job. */
function asked(
  { id, agentId, maxAttempts }: Step,
  attempt: number,
  times: Pick<Step, keyof Times> | Times,
): Array<RunEvent | undefined> {
  if (agentId === null) return [event(times.requestedAt, id, 'waiting')];
  const again = attempt > 1 ? `, attempt ${attempt} of ${maxAttempts}` : '';
  return [
    event(times.requestedAt, id, 'queued', `for agent ${agentId}${again}`),
    event(times.grantedAt, id, 'leased', 'the job is on its way'),
    event(times.acceptedAt, id, 'running', 'the agent has the job'),
  ];
}

function ended({ id }: Step, { outcome, message, endedAt, agentMs }: Attempt): RunEvent | undefined {
  if (outcome === 'success') {
    return event(endedAt, id, 'result', `success${agentMs === null ? '' : ` after ${seconds(agentMs)}`}`);
  }
  return event(endedAt, id, 'error', message === null ? outcome : `${outcome}: ${message}`);
}

function ofShifts(step: Step): Array<RunEvent | undefined> {
  const shifts = [step.shift, ...step.attempts.map((a) => a.shift)].filter((s) => s !== null);
  // A capsule that was awake before somebody asked was woken by another run.
  const since = step.attempts[0]?.requestedAt ?? step.requestedAt;
  return shifts.flatMap((shift) => ofShift(step.id, shift, since));
}

function ofShift(step: string, shift: Shift, since: string | null): Array<RunEvent | undefined> {
  const { requestedAt, healthyAt, acceptedAt, scaleDownAt, zeroAt, capsuleId, generation, endReason } = shift;
  const mine = since !== null && Date.parse(requestedAt) >= Date.parse(since);
  const boot = healthyAt !== null && acceptedAt !== null ? Date.parse(healthyAt) - Date.parse(acceptedAt) : 0;
  const woken = [
    event(requestedAt, step, 'waking', `replicas 0 → 1, shift ${generation} of ${capsuleId}`),
    event(healthyAt, step, 'healthy', `booted in ${seconds(boot)}`),
  ];
  return [
    ...(mine ? woken : []),
    event(scaleDownAt, step, 'draining', `replicas 1 → 0${endReason === null ? '' : ` (${endReason})`}`),
    event(zeroAt, step, 'asleep', 'zero replicas observed, billing ends'),
  ];
}

/** What tells events apart, over any number of looks at the run. */
export const keyOf = ({ at, step, word, detail }: RunEvent): string =>
  JSON.stringify([at, step, word, detail]);

/** Steps that share a shift tell of it once: the first of them. */
function unique(events: readonly RunEvent[]): RunEvent[] {
  const seen = new Set<string>();
  return events.filter(({ at, word, detail }) => {
    const key = JSON.stringify([at, word, detail]);
    const shared = ['waking', 'healthy', 'draining', 'asleep'].includes(word);
    if (!shared) return true;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
