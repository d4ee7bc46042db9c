/** An agent within the benchmark's own process: it delivers at once, and tells when each job was there. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AgentRunRequest } from '../../src/contract';
import { withDeadline } from '../../test/support/deadline';
import type { Cleanup } from './cleanup';
import { listening } from './listening';

const JOB_DEADLINE_MS = 30_000;

interface Noted {
  job: AgentRunRequest;
  /** By `performance.now()`. */
  arrivedAt: number;
}

export interface NotingAgent {
  /** It answers at any path below this. */
  readonly url: string;
  /** The job of a run, as soon as it is there. */
  jobOf(runId: string): Promise<Noted>;
}

export async function startNotingAgent(cleanup: Cleanup): Promise<NotingAgent> {
  const bootId = randomUUID();
  const arrived = new Map<string, Noted>();
  const waiting = new Map<string, (noted: Noted) => void>();
  const take = (job: AgentRunRequest): void => {
    const noted = { job, arrivedAt: performance.now() };
    arrived.set(job.runId, noted);
    waiting.get(job.runId)?.(noted);
  };
  const server = createServer((req, res) => void answer(req, res, bootId, take));
  const url = await listening(server, cleanup);
  const jobOf = async (runId: string): Promise<Noted> => {
    const known = arrived.get(runId);
    const noted = known ?? (await withDeadline(come(runId, waiting), JOB_DEADLINE_MS, () => 'no job came'));
    arrived.delete(runId);
    waiting.delete(runId);
    return noted;
  };
  return { url, jobOf };
}

const come = (runId: string, waiting: Map<string, (noted: Noted) => void>): Promise<Noted> =>
  new Promise((resolve) => waiting.set(runId, resolve));

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  bootId: string,
  take: (job: AgentRunRequest) => void,
): Promise<void> {
  const send = (status: number, body: object) =>
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const path = req.url ?? '';
  if (path.endsWith('/health')) return void send(200, { status: 'ok', bootId });
  if (path.endsWith('/status')) return void send(200, { state: 'idle', bootId });
  if (!path.endsWith('/run')) return void send(404, {});
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const job = JSON.parse(Buffer.concat(chunks).toString()) as AgentRunRequest;
  take(job);
  send(202, { accepted: true });
  const { workflowId, stepId, runId, config } = job;
  const result = { workflowId, stepId, runId, status: 'success', output: {}, durationMs: 0 };
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ ...result, attempt: config.attempt });
  const delivered = await fetch(config.webhookUrl, { method: 'POST', headers, body });
  if (!delivered.ok) console.error(`the result of ${runId} was not taken: HTTP ${delivered.status}`);
}
