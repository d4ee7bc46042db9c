/** Starting and following runs over the orchestrator's own API and record. */
import type { Orchestrator } from '../../../src/compose';
import type { CapsuleStatus, ShiftSplit } from '../../../src/domain/capsule';
import { verifyChain } from '../../../src/domain/ledger';
import { isTerminal, type RunState, type StepStatus } from '../../../src/domain/run';
import type { AgentRunResult } from '../../../src/contract';
import { until } from '../../support/until';
import { capsuleIdOf, type World } from './world';

const RUN_DEADLINE_MS = 25_000;

/** Triggers a workflow over the API. Answers the run's id. */
export async function trigger(
  { url }: Pick<Orchestrator, 'url'>,
  workflowId: string,
  input: Record<string, unknown> = {},
): Promise<string> {
  const { id } = await post<{ id: string }>(`${url}/workflows/${workflowId}/runs`, { input }, 201);
  return id;
}

/** What a test tells the agents to do, by step; an array is by attempt. */
export const acts = (act: Record<string, string | string[]>, more: object = {}) => ({ act, ...more });

export async function post<T>(url: string, body: unknown, expected: number): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  const text = await response.text();
  if (response.status !== expected) throw new Error(`POST ${url} answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}

/** The status of an answer to a webhook. */
export async function deliver(
  webhookUrl: string,
  result: unknown,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(webhookUrl, {
    method: 'POST',
    body: JSON.stringify(result),
    headers: { 'content-type': 'application/json' },
  });
  return { status: response.status, body: await response.json() };
}

/** A result that fits a job. */
export const resultOf = (runId: string, stepId: string, more: Partial<AgentRunResult> = {}) => ({
  workflowId: 'three',
  stepId,
  runId,
  status: 'success' as const,
  output: { sentBy: 'the test' },
  durationMs: 1,
  ...more,
});

/** Waits until the run has ended. */
export async function ended(
  { store }: Pick<Orchestrator, 'store'>,
  runId: string,
  deadlineMs = RUN_DEADLINE_MS,
): Promise<RunState> {
  let seen: RunState | undefined;
  const over = async () => {
    seen = (await store.run(runId))?.state;
    return seen && isTerminal(seen.status) ? seen : undefined;
  };
  return until(over, { deadlineMs, what: 'the end of the run' }).catch((cause: unknown) => {
    throw new Error(`run ${runId} does not end: ${JSON.stringify(seen)}`, { cause });
  });
}

/** Waits until the run has ended, and takes nothing but success: whatever else came is told with its steps. */
export async function succeeded(...of: Parameters<typeof ended>): Promise<RunState> {
  const run = await ended(...of);
  if (run.status === 'succeeded') return run;
  throw new Error(`run ${run.id} ${run.status}: ${JSON.stringify(run)}`);
}

/** Waits until a step has a status. */
export async function stepIs(
  { store }: Pick<Orchestrator, 'store'>,
  runId: string,
  stepId: string,
  ...statuses: StepStatus[]
): Promise<void> {
  const look = async () =>
    (await store.run(runId))?.state.steps.some((s) => s.id === stepId && statuses.includes(s.status));
  await until(look, { what: `step ${stepId} ${statuses.join(' or ')}`, every: 10 });
}

export async function capsuleIs(
  { store }: Pick<Orchestrator, 'store'>,
  agentId: string,
  status: CapsuleStatus,
): Promise<void> {
  const look = async () => (await store.capsule(capsuleIdOf(agentId)))?.state.status === status;
  await until(look, { what: `capsule of ${agentId} ${status}`, every: 10 });
}

export const statuses = (run: RunState): string[] => run.steps.map((s) => s.status);

/** The result that counted for a step. */
export async function outputOf({ store }: Pick<Orchestrator, 'store'>, runId: string, stepId: string) {
  const results = (await store.payloads(runId))?.results ?? [];
  return results.filter((r) => r.stepId === stepId && r.counted).at(-1)?.result.output;
}

/**
 * Waits until everything is at zero, in the record and on the platform, and holds the record to what
 * must be true then: no lease, shifts that add up, an unbroken ledger.
 */
export async function allAsleep(world: World, { store }: Pick<Orchestrator, 'store'>): Promise<void> {
  const awake = async () => (await store.capsules()).filter((c) => c.state.status !== 'asleep');
  await until(async () => (await awake()).length === 0, { deadlineMs: 15_000 }).catch(
    async (cause: unknown) => {
      throw new Error(`not asleep: ${JSON.stringify(await awake())}`, { cause });
    },
  );
  expect(Object.values(await world.replicas()).filter((n) => n !== 0)).toEqual([]);
  for (const { activity } of await store.capsules()) expect(activity).toMatchObject({ held: 0, waiting: 0 });
  for (const shift of (await store.shifts({}, 500)).items) {
    const { split, zeroAt = NaN, acceptedAt = shift.requestedAt } = shift;
    const { bootMs, prewarmMs, workMs, lingerMs, drainMs } = split as ShiftSplit;
    const total = bootMs + prewarmMs + workMs + lingerMs + drainMs;
    expect(total).toBe(zeroAt - acceptedAt);
  }
  expect(verifyChain(await store.ledger(0, 100_000))).toMatchObject({ ok: true });
}

/** How often each attempt's job was begun; 1 each when no work was done twice. */
export function begun(world: World, runId: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { event, stepId, attempt } of world.work(runId)) {
    if (event === 'job') counts[`${stepId}#${attempt}`] = (counts[`${stepId}#${attempt}`] ?? 0) + 1;
  }
  return counts;
}
