/** One small agent, good by itself, that behaves as it is told. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRunRequest, type AgentRunResult } from '../../../src/contract';
import { GOOD, type Behaviour } from './behaviour';

const RETRY = { pauseMs: 20, tries: 10 };

export const SECRET = 'broken-agents-secret';
/** `sleepMs` is how long its job takes; text for it does not fit. */
export const INPUTS = {
  quick: { sleepMs: 0 },
  slow: { sleepMs: 60_000 },
  wrong: { sleepMs: 'long' },
  wrongField: 'sleepMs',
};

interface Running {
  request: AgentRunRequest;
  stop: AbortController;
}

export class SmallAgent {
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #behaviour: Behaviour;
  readonly #running = new Set<Running>();
  readonly #known = new Map<string, Running>();
  #bootId = randomUUID();
  readonly #ended = new AbortController();
  #last: unknown;
  #hasWorked = false;

  constructor(behaviour: Partial<Behaviour> = {}) {
    this.#behaviour = { ...GOOD, ...behaviour };
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As a process ends: at once, with its connections and its job. */
  async stop(): Promise<void> {
    this.#ended.abort();
    for (const { stop } of this.#running) stop.abort();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { healthStatus, health, status, statusOfQuery } = this.#behaviour;
    const call = `${request.method} ${(request.url ?? '').replace(/\?.*/, '')}`;
    if (call === 'GET /health')
      return reply(response, healthStatus, health({ status: 'ok', bootId: this.#bootId }));
    if (call === 'GET /status')
      return reply(response, request.url?.includes('?') ? statusOfQuery : 200, status(this.#status()));
    if (call === 'POST /run') return this.#run(request, response);
    if (call === 'POST /cancel' && this.#behaviour.cancel !== 'none') return this.#cancel(request, response);
    reply(response, 404, { error: 'no such route' });
  }

  #status(): Record<string, unknown> {
    const [running] = this.#running;
    const state = running || (this.#hasWorked && this.#behaviour.neverIdle) ? 'running' : 'idle';
    const current = running && { runId: running.request.runId, stepId: running.request.stepId };
    return {
      state,
      bootId: this.#bootId,
      ...(current && { current }),
      ...(this.#last !== undefined && { last: this.#last }),
    };
  }

  async #run(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { malformedStatus, maxBytes, anyContentType } = this.#behaviour;
    const text = await textOf(incoming);
    if (!anyContentType && incoming.headers['content-type'] !== 'application/json')
      return reply(response, 415, { error: 'send application/json' });
    if (text.length > maxBytes) return reply(response, 413, { error: `more than ${maxBytes} bytes` });
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      if (this.#behaviour.diesOnMalformed) return this.stop();
      return reply(response, malformedStatus, { error: 'no JSON' });
    }
    const refusal = this.#refusal(body);
    if (refusal !== undefined) return reply(response, 400, { error: refusal });
    this.#take(body as AgentRunRequest, response);
  }

  #refusal(body: unknown): string | undefined {
    const { forgiving, strict } = this.#behaviour;
    const parsed = AgentRunRequest.safeParse(body);
    const fields = (parsed.error?.issues ?? []).map(({ path }) => path.join('.'));
    const wrong = fields.find((field) => !forgiving.includes(field));
    if (wrong !== undefined) return `${wrong} is missing`;
    const { config } = body as AgentRunRequest;
    const extra = Object.keys({ ...(body as object), ...config }).length > 7;
    return strict && extra ? 'unknown fields' : undefined;
  }

  #take(request: AgentRunRequest, response: ServerResponse): void {
    const { key, accepted, duplicateStatus, duplicateWhileRunningStatus, whileBusy, busy, places } =
      this.#behaviour;
    const name = key(request);
    const known = name === undefined ? undefined : this.#known.get(name);
    if (known) {
      const status = this.#running.has(known) ? duplicateWhileRunningStatus : duplicateStatus;
      return reply(response, status, { accepted: true, duplicate: true }, { 'retry-after': '1' });
    }
    if (this.#running.size >= places && whileBusy === 'refuse')
      return reply(
        response,
        busy.status,
        { error: 'busy' },
        busy.retryAfter === undefined ? {} : { 'retry-after': busy.retryAfter },
      );
    const running = { request, stop: new AbortController() };
    this.#running.add(running);
    if (name !== undefined) this.#known.set(name, running);
    reply(response, accepted.status, accepted.body);
    void this.#work(running);
  }

  async #cancel(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { runId, stepId } = JSON.parse(await textOf(incoming)) as { runId: string; stepId: string };
    const { cancel } = this.#behaviour;
    for (const { request, stop } of this.#running) {
      const isMeant = request.runId === runId && request.stepId === stepId;
      if (cancel === 'any' || (cancel === 'one' && isMeant)) stop.abort('cancelled');
    }
    reply(response, 202, { accepted: true });
  }

  async #work(running: Running): Promise<void> {
    const { workflowId, stepId, runId, config } = running.request;
    const startedAt = performance.now();
    const outcome = await this.#perform(running);
    if (outcome === undefined) return this.stop();
    const durationMs = (performance.now() - startedAt) * this.#behaviour.durationFactor;
    const { attempt } = config;
    const ids = { workflowId, stepId, runId, ...(attempt !== undefined && { attempt }) };
    const result = this.#behaviour.result({ ...ids, ...outcome, durationMs });
    this.#last = JSON.parse(JSON.stringify(result));
    this.#hasWorked = true;
    this.#running.delete(running);
    await this.#deliver(config.webhookUrl, result);
  }

  /** What came of it; undefined when it is the end of the process. */
  async #perform({
    request,
    stop,
  }: Running): Promise<Pick<AgentRunResult, 'status' | 'output' | 'error'> | undefined> {
    const { wrongInput, honoursTimeout, timeoutStatus } = this.#behaviour;
    const { sleepMs } = request.input;
    if (typeof sleepMs !== 'number') {
      if (wrongInput === 'die') return undefined;
      if (wrongInput === 'restart') this.#bootId = randomUUID();
      if (wrongInput === 'success') return { status: 'success', output: {} };
      const error = wrongInput === 'unnamed' ? 'that does not fit' : 'input.sleepMs: must be a number';
      return { status: 'error', output: {}, error };
    }
    const overtime = setTimeout(
      () => honoursTimeout && stop.abort('timeout'),
      (request.config.timeoutSeconds ?? 1) * 1_000,
    );
    try {
      await sleep(sleepMs, undefined, { signal: stop.signal });
      return { status: 'success', output: { slept: sleepMs } };
    } catch {
      const late = stop.signal.reason === 'timeout';
      const status = (late ? timeoutStatus : 'error') as AgentRunResult['status'];
      return { status, output: {}, error: late ? 'not finished in time' : 'cancelled' };
    } finally {
      clearTimeout(overtime);
    }
  }

  async #deliver(webhookUrl: string, result: unknown): Promise<void> {
    const { webhookUrl: url, serialise, sign, retries, sendings, newIdEachTry } = this.#behaviour;
    const { method, contentType, followsRedirects } = this.#behaviour;
    const body = serialise(result);
    const id = randomUUID();
    let acknowledged = 0;
    for (let tries = 0; tries < RETRY.tries && !this.#ended.signal.aborted; tries++) {
      const answer = await fetch(url(webhookUrl), {
        method,
        body,
        redirect: followsRedirects ? 'follow' : 'manual',
        headers: { 'content-type': contentType, ...sign(body, SECRET, newIdEachTry ? randomUUID() : id) },
        signal: this.#ended.signal,
      }).catch(() => undefined);
      if (answer?.ok && ++acknowledged === sendings) return;
      if (answer && !answer.ok && !retries(answer.status)) return;
      await sleep(RETRY.pauseMs);
    }
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
