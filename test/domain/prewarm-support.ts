/** Runs and capsules to decide about prewarming. */
import type { AgentStep, StepPlan } from '../../src/domain/plan';
import type { RunState, StepState } from '../../src/domain/run';

export const T = Date.UTC(2026, 10, 21, 9, 0, 0);
export const MINUTE = 60_000;
export const idle = { held: 0, waiting: 0, workMs: 0 };

export const agentStep = (id: string, more: Partial<AgentStep> = {}): AgentStep => ({
  id,
  kind: 'agent',
  agentId: id,
  timeoutMs: 60_000,
  attempts: 1,
  backoffMs: 1_000,
  maxBackoffMs: 1_000,
  ...more,
});
export const step = (id: string, more: Partial<StepState> = {}): StepState => ({
  id,
  status: 'pending',
  attempt: 0,
  history: [],
  ...more,
});
export const working = (id: string, grantedAt: number) =>
  step(id, { status: 'running', attempt: 1, grantedAt });
export const done = (id: string, grantedAt: number, endedAt: number) =>
  step(id, {
    status: 'succeeded',
    finishedAt: endedAt,
    history: [{ attempt: 1, outcome: 'success', requestedAt: grantedAt, grantedAt, endedAt }],
  });
export const runOf = (plan: StepPlan[], steps: StepState[], more: Partial<RunState> = {}): RunState => ({
  id: 'run-1',
  workflowId: 'flow',
  definition: 'x',
  plan,
  trigger: { kind: 'api' },
  status: 'running',
  steps,
  createdAt: T,
  startedAt: T,
  ...more,
});
