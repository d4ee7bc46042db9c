/** An instance: a release on a capsule, from its validation to its end. */

export const INSTANCE_STATES = [
  'validating',
  'deploying',
  'running',
  'draining', // gets no new work, and finishes what it has
  'stopped',
  'failed',
  'rolled-back',
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

export const INSTANCE_EVENTS = [
  'validated',
  'invalid',
  'healthy',
  'unhealthy',
  'drain',
  'reinstated', // a rollback comes back to it while it drains
  'drained',
  'rolled-back',
] as const;
export type InstanceEvent = (typeof INSTANCE_EVENTS)[number];

const NEXT: Record<InstanceState, Partial<Record<InstanceEvent, InstanceState>>> = {
  validating: { validated: 'deploying', invalid: 'failed', 'rolled-back': 'rolled-back' },
  deploying: { healthy: 'running', unhealthy: 'failed', 'rolled-back': 'rolled-back' },
  running: { drain: 'draining', unhealthy: 'failed', 'rolled-back': 'rolled-back' },
  draining: { reinstated: 'running', drained: 'stopped', unhealthy: 'failed', 'rolled-back': 'rolled-back' },
  stopped: {},
  failed: {},
  'rolled-back': {},
};

/** The state after an event; the same one where the event means nothing in it. */
export const nextInstance = (state: InstanceState, event: InstanceEvent): InstanceState =>
  NEXT[state][event] ?? state;
