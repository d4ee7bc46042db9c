/** Asks the agent how it is getting on, until the result is there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentClient } from '../../../agent-check/client';
import { NoAnswer } from '../../../agent-check/client';
import { AgentStatus } from '../../../contract';
import type { Arrival } from './sources';
import type { Job } from './request';

const POLL_MS = 500;
const CALL_MS = 5_000;
/** How long the webhook of a job that the agent calls finished is waited for: an agent tries again later. */
export const WEBHOOK_GRACE_MS = 5_000;

export interface Watched {
  /** The agent's progress changed. */
  progress: (value: unknown) => void;
  /** Said once: GET /status cannot be used, and why. */
  deaf: (why: string) => void;
}

/**
 * Resolves with the result the agent keeps, once the webhook is overdue; never, once it is aborted.
 * @param source whether it sees the webhook; if not, the agent's word is taken at once
 */
export async function watch(
  agent: AgentClient,
  job: () => Job,
  source: { readonly sees: boolean },
  on: Watched,
  signal: AbortSignal,
): Promise<Arrival> {
  let shown = '';
  let finishedAt: number | undefined;
  let deaf = false;
  while (!signal.aborted) {
    const said = await ask(agent, job());
    if (typeof said === 'string') {
      if (!deaf) on.deaf(said);
      deaf = true;
    } else {
      const { progress } = progressOf(said, job());
      const text = JSON.stringify(progress) ?? '';
      if (text !== '' && text !== shown) on.progress(progress);
      if (text !== '') shown = text;
      const isOver = said.last?.runId === job().runId && said.last.stepId === job().stepId;
      if (isOver) finishedAt ??= Date.now();
      if (isOver && (!source.sees || Date.now() - (finishedAt ?? 0) > WEBHOOK_GRACE_MS)) {
        return { value: said.last, signature: { kind: 'absent' }, via: 'status' };
      }
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop sees it
  }
  return new Promise<Arrival>(() => undefined);
}

/** The status, or why there is none. */
async function ask(agent: AgentClient, { runId, stepId }: Job): Promise<AgentStatus | string> {
  const query = new URLSearchParams({ runId, stepId });
  try {
    const { status, json } = await agent.get(`/status?${query.toString()}`, CALL_MS);
    if (status !== 200) return `GET /status answers HTTP ${status}`;
    const read = AgentStatus.safeParse(json);
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    return `GET /status does not fit: ${issue?.path.join('.') || 'the body'}: ${issue?.message ?? ''}`;
  } catch (error) {
    if (error instanceof NoAnswer) return `GET /status: ${error.detail}`;
    throw error;
  }
}

function progressOf({ current }: AgentStatus, { runId, stepId }: Job): { progress: unknown } {
  const isOurs = current?.runId === runId && current.stepId === stepId;
  return { progress: isOurs ? current.progress : undefined };
}
