/** Turns what the engine commits into lines a person can follow: one per change, with seconds. */
import type { CapsuleState } from '../../domain/capsule';
import type { RunState, StepState } from '../../domain/run';
import type { Paint } from '../terminal';

const RUNNING = ['running', 'the agent has the job'] as const;

export class Timeline {
  private readonly steps = new Map<string, string>();
  private readonly capsules = new Map<string, string>();

  /** The step each agent works for in this run. */
  private readonly stepOf = new Map<string, string>();
  private readonly startedAt = Date.now();

  constructor(
    private readonly print: (line: string) => void,
    private readonly paint: Paint,
  ) {}

  run(run: RunState): void {
    for (const step of run.plan) if (step.kind === 'agent') this.stepOf.set(step.agentId, step.id);
    const earlier = run.createdAt < this.startedAt ? ' (a run of the last start)' : '';
    for (const step of run.steps) {
      const key = `${step.status}/${step.attempt}`;
      const id = `${run.id}/${step.id}`;
      const before = this.steps.get(id);
      if (before === key) continue;
      this.steps.set(id, key);
      // A result that comes as soon as the job is accepted is committed with that, as one change.
      if (step.status === 'succeeded' && before === `dispatching/${step.attempt}`)
        this.line(step.id, ...RUNNING);
      const [word, detail] = describeStep(step);
      if (word) this.line(step.id, word, detail + earlier);
    }
  }

  capsule(capsule: CapsuleState): void {
    const key = `${capsule.status}/${capsule.generation}`;
    if (this.capsules.get(capsule.id) === key) return;
    const first = !this.capsules.has(capsule.id) && capsule.status === 'asleep';
    this.capsules.set(capsule.id, key);
    const [word, detail] = describeCapsule(capsule);
    if (!first) this.line(this.stepOf.get(capsule.agentId) ?? capsule.agentId, word, detail);
  }

  private line(subject: string, word: string, detail: string): void {
    const { dim, status } = this.paint;
    const elapsed = seconds(Date.now() - this.startedAt).padStart(8);
    this.print(
      `${dim(elapsed)}  ${subject.padEnd(8)} ${status(word)(word.padEnd(9))} ${dim(detail)}`.trimEnd(),
    );
  }
}

/** A word and what is worth saying about it; no word where nothing has happened yet. */
export function describeStep(step: StepState): [string, string] {
  const last = step.history.at(-1);
  switch (step.status) {
    case 'pending':
      return ['', ''];
    case 'waiting':
      return ['queued', step.attempt > 1 ? `attempt ${step.attempt}` : `for a lease on ${step.capsuleId}`];
    case 'dispatching':
      return ['leased', 'the job is on its way'];
    case 'running':
      return [...RUNNING];
    case 'succeeded':
      return [
        'result',
        `success${last?.durationMs === undefined ? '' : ` after ${seconds(last.durationMs)} of work`}`,
      ];
    case 'backing-off':
      return ['retrying', step.error?.message ?? ''];
    default:
      return [step.status, step.error?.message ?? ''];
  }
}

export function describeCapsule(capsule: CapsuleState): [string, string] {
  const { shift } = capsule;
  switch (capsule.status) {
    case 'waking':
      return ['waking', `replicas 0 → 1, shift ${capsule.generation} of ${capsule.id}`];
    case 'awake':
      return [
        'healthy',
        shift?.acceptedAt && shift.healthyAt
          ? `booted in ${seconds(shift.healthyAt - shift.acceptedAt)}`
          : '',
      ];
    case 'draining':
      return ['draining', `replicas 1 → 0${shift?.endReason ? ` (${shift.endReason})` : ''}`];
    case 'asleep':
      return ['asleep', 'zero replicas observed, billing ends'];
  }
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
