/** The agents over HTTP. Base URLs come from the registry alone; redirects are never followed. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { type AxiosInstance, type AxiosRequestConfig, type AxiosResponse } from 'axios';
import { AgentHealth, AgentStatus, type AgentRunRequest } from '../contract';
import type { Agents, ProbeAnswer, SendAnswer, StatusAnswer } from './ports';

/** A status carries a whole result; anything else an agent answers is small. */
const MAX_STATUS_BYTES = 8 * 1024 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024;
/** How much of an agent's answer is quoted in an error. */
const MAX_QUOTE = 300;
/** Answers of a platform's router in front of an agent that is not there yet. */
const NOT_YET = [404, 502, 503];

export function createAgents(): Agents {
  const httpAgent = new HttpAgent({ keepAlive: true, maxSockets: 256 });
  const httpsAgent = new HttpsAgent({ keepAlive: true, maxSockets: 256 });
  const http = axios.create({
    httpAgent,
    httpsAgent,
    maxRedirects: 0,
    proxy: false,
    maxContentLength: MAX_ANSWER_BYTES,
    validateStatus: () => true,
  });
  return {
    health: (baseUrl, timeoutMs) => health(http, baseUrl, timeoutMs),
    run: (baseUrl, request, timeoutMs) => run(http, baseUrl, request, timeoutMs),
    status: (baseUrl, timeoutMs) => status(http, baseUrl, timeoutMs),
    cancel: async (baseUrl, job, timeoutMs) => {
      // Best effort: an agent need not offer it, and one that is gone has nothing to cancel.
      await http.post(`${baseUrl}/cancel`, job, deadline(timeoutMs)).catch(() => undefined);
    },
    close: async () => {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

async function health(http: AxiosInstance, baseUrl: string, timeoutMs: number): Promise<ProbeAnswer> {
  try {
    // A fresh connection each time: a kept one could belong to a replica that is going away.
    const response = await http.get<unknown>(`${baseUrl}/health`, {
      ...deadline(timeoutMs),
      headers: { connection: 'close' },
    });
    const body = AgentHealth.safeParse(response.data);
    if (response.status === 200 && body.success) {
      return { kind: 'healthy', ...(body.data.bootId !== undefined && { bootId: body.data.bootId }) };
    }
    const detail =
      response.status === 200 ? 'HTTP 200 without { "status": "ok" }' : `HTTP ${response.status}`;
    return { kind: NOT_YET.includes(response.status) ? 'silent' : 'not-ready', detail };
  } catch (error) {
    return { kind: 'silent', detail: reason(error) };
  }
}

async function run(
  http: AxiosInstance,
  baseUrl: string,
  request: AgentRunRequest,
  timeoutMs: number,
): Promise<SendAnswer> {
  try {
    const response = await http.post<unknown>(`${baseUrl}/run`, request, deadline(timeoutMs));
    const { status: code } = response;
    if (code >= 200 && code < 300) return { kind: 'accepted' };
    if (code === 429 || code === 409) return { kind: 'busy', ...retryAfter(response) };
    const message = `POST /run answered HTTP ${code}: ${quote(response.data)}`;
    const wrong = code >= 400 && code < 500 && code !== 404 && code !== 408;
    return { kind: wrong ? 'rejected' : 'unreachable', message };
  } catch (error) {
    return { kind: 'unreachable', message: `POST /run: ${reason(error)}` };
  }
}

async function status(http: AxiosInstance, baseUrl: string, timeoutMs: number): Promise<StatusAnswer> {
  try {
    const config = { ...deadline(timeoutMs), maxContentLength: MAX_STATUS_BYTES };
    const response = await http.get<unknown>(`${baseUrl}/status`, config);
    const body = AgentStatus.safeParse(response.data);
    if (response.status === 200 && body.success) return { kind: 'status', status: body.data };
    return { kind: 'silent', detail: `GET /status answered HTTP ${response.status} ${quote(response.data)}` };
  } catch (error) {
    return { kind: 'silent', detail: reason(error) };
  }
}

/** Both a limit on the answer and one on the connection, which axios does not time by itself. */
const deadline = (timeoutMs: number): AxiosRequestConfig => ({
  timeout: timeoutMs,
  signal: AbortSignal.timeout(timeoutMs + 500),
});

const reason = (error: unknown): string =>
  axios.isAxiosError(error) ? (error.code ?? error.message) : String(error);

const quote = (data: unknown): string =>
  (typeof data === 'string' ? data : (JSON.stringify(data) ?? '')).slice(0, MAX_QUOTE);

/** `Retry-After` in seconds or as a date, as milliseconds from now. */
function retryAfter(response: AxiosResponse): { retryAfterMs?: number } {
  const value = String(response.headers['retry-after'] ?? '');
  if (value === '') return {};
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? { retryAfterMs: Math.max(0, Math.round(ms)) } : {};
}
