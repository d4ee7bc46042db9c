/** The agents over HTTP. Base URLs come from the registry alone; redirects are never followed. */
// By itself: undici's index loads fetch, caches, proxies and mocks as well, several MB that nobody uses here.
import Agent from 'undici/lib/dispatcher/agent';
import { Held, perform, type Answer, type Call } from './agents-call';
import { AgentHealth, AgentStatus, type AgentRunRequest } from '../contract';
import type { Agents, JobRef, ProbeAnswer, SendAnswer, StatusAnswer } from './ports';

/** A status carries a whole result; anything else an agent answers is small. */
const MAX_STATUS_BYTES = 8 * 1024 * 1024;
/** How much of an agent's answer is quoted in an error. */
const MAX_QUOTE = 300;
/** A longer version is not taken for the name of a release. */
const MAX_RELEASE = 200;
const MAX_SOCKETS_PER_AGENT = 256;
/** Answers of a platform's router in front of an agent that is not there yet. */
const NOT_YET = [404, 502, 503];

type Ask = (call: Call) => Promise<Answer>;

export function createAgents(): Agents {
  const dispatcher = new Agent({ connections: MAX_SOCKETS_PER_AGENT });
  const ask: Ask = (call) => perform(dispatcher, call);
  return {
    health: (baseUrl, timeoutMs) => health(ask, baseUrl, timeoutMs),
    run: (baseUrl, request, timeoutMs, mayBegin) => run(ask, baseUrl, request, timeoutMs, mayBegin),
    status: (baseUrl, timeoutMs, job) => status(ask, baseUrl, timeoutMs, job),
    cancel: async (baseUrl, job, timeoutMs) => {
      // Best effort: an agent need not offer it, and one that is gone has nothing to cancel.
      await ask({ method: 'POST', url: `${baseUrl}/cancel`, body: job, timeoutMs }).catch(() => undefined);
    },
    close: () => dispatcher.destroy(),
  };
}

async function health(ask: Ask, baseUrl: string, timeoutMs: number): Promise<ProbeAnswer> {
  try {
    // A kept connection could belong to a replica that is going away.
    const { code, body } = await ask({ method: 'GET', url: `${baseUrl}/health`, timeoutMs, fresh: true });
    const said = AgentHealth.safeParse(body);
    if (code === 200 && said.success) {
      const { bootId, version } = said.data;
      return {
        kind: 'healthy',
        ...(bootId !== undefined && { bootId }),
        ...(version !== undefined && version.length <= MAX_RELEASE && { release: version }),
      };
    }
    const detail = code === 200 ? 'HTTP 200 without { "status": "ok" }' : `HTTP ${code}`;
    return { kind: NOT_YET.includes(code) ? 'silent' : 'not-ready', detail };
  } catch (error) {
    return { kind: 'silent', detail: reason(error) };
  }
}

async function run(
  ask: Ask,
  baseUrl: string,
  request: AgentRunRequest,
  timeoutMs: number,
  mayBegin?: () => boolean,
): Promise<SendAnswer> {
  try {
    const url = `${baseUrl}/run`;
    const answer = await ask({ method: 'POST', url, body: request, timeoutMs, mayBegin });
    const { code } = answer;
    if (code >= 200 && code < 300) return { kind: 'accepted' };
    if (code === 429 || code === 409) return { kind: 'busy', ...retryAfter(answer) };
    const message = `POST /run answered HTTP ${code}: ${quote(answer.body)}`;
    const wrong = code >= 400 && code < 500 && code !== 404 && code !== 408;
    return { kind: wrong ? 'rejected' : 'unreachable', message };
  } catch (error) {
    if (error instanceof Held) return { kind: 'not-sent' };
    return { kind: 'unreachable', message: `POST /run: ${reason(error)}` };
  }
}

async function status(ask: Ask, baseUrl: string, timeoutMs: number, job?: JobRef): Promise<StatusAnswer> {
  const bare = { method: 'GET' as const, url: `${baseUrl}/status`, timeoutMs, maxBytes: MAX_STATUS_BYTES };
  const query = job ? `?${new URLSearchParams({ ...job }).toString()}` : '';
  try {
    const answer = await ask({ ...bare, url: `${bare.url}${query}` });
    // An agent that compares whole addresses knows no query.
    const { code, body } = job && answer.code === 404 ? await ask(bare) : answer;
    const said = AgentStatus.safeParse(body);
    if (code === 200 && said.success) return { kind: 'status', status: said.data };
    return { kind: 'silent', detail: `GET /status answered HTTP ${code} ${quote(body)}` };
  } catch (error) {
    return { kind: 'silent', detail: reason(error) };
  }
}

const reason = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message ?? String(error);
};

const quote = (data: unknown): string =>
  (typeof data === 'string' ? data : (JSON.stringify(data) ?? '')).slice(0, MAX_QUOTE);

/** `Retry-After` in seconds or as a date, as milliseconds from now. */
function retryAfter({ headers }: Answer): { retryAfterMs?: number } {
  const value = String(headers['retry-after'] ?? '');
  if (value === '') return {};
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? { retryAfterMs: Math.max(0, Math.round(ms)) } : {};
}
