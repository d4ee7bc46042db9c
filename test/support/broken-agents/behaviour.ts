/** What an agent may do otherwise than it should: each setting has a good value, and faults that change it. */
import { createHmac } from 'node:crypto';
import type { AgentRunRequest, AgentRunResult } from '../../../src/contract';

export interface Behaviour {
  health: (good: Record<string, unknown>) => unknown;
  healthStatus: number;
  status: (good: Record<string, unknown>) => unknown;
  /** To a `GET /status` that asks for one job. */
  statusOfQuery: number;
  /** How many jobs it takes at a time. */
  places: number;
  /** To `POST /run` of a new job, and of one that is known. */
  accepted: { status: number; body: unknown };
  duplicateStatus: number;
  duplicateWhileRunningStatus: number;
  /** By what a job is known; undefined for an agent that knows none again. */
  key: (request: AgentRunRequest) => string | undefined;
  /** What is done with a job while another one runs. */
  whileBusy: 'refuse' | 'run';
  busy: { status: number; retryAfter: string | undefined };
  /** Refuses fields beyond the required ones. */
  strict: boolean;
  /** Ignores that a field is missing. */
  forgiving: readonly string[];
  malformedStatus: number;
  anyContentType: boolean;
  maxBytes: number;
  /** On a body that is no JSON. */
  diesOnMalformed: boolean;
  wrongInput: 'error' | 'success' | 'die' | 'unnamed' | 'restart';
  honoursTimeout: boolean;
  timeoutStatus: string;
  cancel: 'one' | 'any' | 'ignored' | 'none';
  /** How many seconds a second has, in durationMs. */
  durationFactor: number;
  result: (good: AgentRunResult) => unknown;
  serialise: (result: unknown) => string;
  method: string;
  contentType: string;
  /** Headers of the signature over the body that is sent. */
  sign: (body: string, secret: string, id: string) => Record<string, string>;
  webhookUrl: (given: string) => string;
  /** Whether a webhook that was answered so is sent again. */
  retries: (status: number) => boolean;
  /** Anew for each try. */
  newIdEachTry: boolean;
  /** How often an acknowledged result is sent. */
  sendings: number;
  followsRedirects: boolean;
  /** Keeps saying that it runs. */
  neverIdle: boolean;
}

export const NOW_SECONDS = (): number => Math.floor(Date.now() / 1_000);

/** Standard Webhooks, made here by hand, so that the checker's own code does not judge itself. */
export function signature(
  body: string,
  secret: string,
  id: string,
  timestamp = NOW_SECONDS(),
): Record<string, string> {
  const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${mac}` };
}

export const GOOD: Behaviour = {
  health: (good) => good,
  healthStatus: 200,
  status: (good) => good,
  statusOfQuery: 200,
  places: 1,
  accepted: { status: 202, body: { accepted: true } },
  duplicateStatus: 202,
  duplicateWhileRunningStatus: 202,
  key: ({ runId, stepId, config }) => `${runId} ${stepId} ${config.attempt ?? 1}`,
  whileBusy: 'refuse',
  busy: { status: 429, retryAfter: '1' },
  strict: false,
  forgiving: [],
  malformedStatus: 400,
  anyContentType: false,
  maxBytes: 10 * 1024 * 1024,
  diesOnMalformed: false,
  wrongInput: 'error',
  honoursTimeout: true,
  timeoutStatus: 'timeout',
  cancel: 'one',
  durationFactor: 1,
  result: (good) => good,
  serialise: (result) => JSON.stringify(result),
  method: 'POST',
  contentType: 'application/json',
  sign: signature,
  webhookUrl: (given) => given,
  retries: (status) => status >= 500 || status === 408 || status === 429,
  newIdEachTry: false,
  sendings: 1,
  followsRedirects: false,
  neverIdle: false,
};

/** An agent of the first document: it knows the required fields, and nothing that came later. */
export const REQUIRED_FIELDS_ONLY: Partial<Behaviour> = {
  health: () => ({ status: 'ok' }),
  status: ({ state }) => ({ state }),
  key: ({ runId, stepId }) => `${runId} ${stepId}`,
  cancel: 'none',
  result: ({ workflowId, stepId, runId, status, output, durationMs, error }) => ({
    workflowId,
    stepId,
    runId,
    status,
    output,
    durationMs,
    ...(error !== undefined && { error }),
  }),
  sign: () => ({}),
};
