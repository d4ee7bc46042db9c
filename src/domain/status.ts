/**
 * How a run and its steps stand, in the words that the dashboard and the command line show. One place, so
 * that the same thing is called the same everywhere.
 */
import type { StepPlan } from './plan';
import type { RunStatus, StepStatus } from './run';

/** What a status means for whoever looks: nothing yet, held, at work, good, bad, or over without either. */
export type Tone = 'idle' | 'held' | 'busy' | 'good' | 'bad' | 'off';

export interface Shown {
  text: string;
  tone: Tone;
  /** A sign beside the colour, for those who do not tell colours apart. */
  sign: string;
}

export interface StepSeen {
  status: StepStatus;
  kind: StepPlan['kind'];
  attempt: number;
  maxAttempts: number;
}

const SIGNS: Record<Tone, string> = { idle: '○', held: '◔', busy: '●', good: '✓', bad: '✕', off: '–' };

const shown = (text: string, tone: Tone): Shown => ({ text, tone, sign: SIGNS[tone] });

/** What a parked step waits for. */
const PARKED: Record<StepPlan['kind'], Shown> = {
  agent: shown('needs approval', 'held'), // of what it proposed
  approval: shown('needs approval', 'held'),
  event: shown('waits for event', 'held'),
  sleep: shown('sleeps', 'held'),
  runs: shown('runs at work', 'busy'),
};

/** `retrying 3/5`: the third of five attempts is next, or under way. */
export function stepShown({ status, kind, attempt, maxAttempts }: StepSeen): Shown {
  const again = attempt > 1 ? `retrying ${attempt}/${maxAttempts}` : undefined;
  switch (status) {
    case 'pending':
      return shown('pending', 'idle');
    case 'waiting':
      return shown(again ?? 'waits for agent', 'held');
    case 'dispatching':
      return shown(again ?? 'dispatching', 'busy');
    case 'running':
      return shown(again ?? 'running', 'busy');
    case 'backing-off':
      return shown(`retrying ${Math.min(attempt + 1, maxAttempts)}/${maxAttempts}`, 'held');
    case 'parked':
      return PARKED[kind];
    case 'succeeded':
      return shown('succeeded', 'good');
    case 'failed':
      return shown('failed', 'bad');
    case 'cancelled':
      return shown('cancelled', 'off');
    case 'skipped':
      return shown('skipped', 'off');
  }
}

/** What a running run does is what its steps do; those that need somebody come first. */
const FIRST: readonly StepStatus[] = ['parked', 'backing-off', 'running', 'dispatching', 'waiting'];

export function runShown({ status, steps }: { status: RunStatus; steps: readonly StepSeen[] }): Shown {
  switch (status) {
    case 'queued':
      return shown('queued', 'idle');
    case 'succeeded':
      return shown('succeeded', 'good');
    case 'failed':
      return shown('failed', 'bad');
    case 'cancelled':
      return shown('cancelled', 'off');
    case 'running': {
      const open = FIRST.flatMap((wanted) => steps.filter((step) => step.status === wanted));
      return open[0] === undefined ? shown('running', 'busy') : stepShown(open[0]);
    }
  }
}

/** A status by its name alone, where nothing else is known. */
export const statusShown = (status: RunStatus): Shown => runShown({ status, steps: [] });

export const capsuleShown = (status: 'asleep' | 'waking' | 'awake' | 'draining'): Shown =>
  shown(status, status === 'asleep' ? 'off' : status === 'awake' ? 'busy' : 'held');
