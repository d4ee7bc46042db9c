import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { isAxiosError } from 'axios';
import type { AxiosInstance } from 'axios';
import type { Call } from './call';
import { stopped } from './call';
import { isLoopback } from './settings';

/** Answers are small JSON documents; anything larger is not one of them. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_REQUEST_BYTES = 64 * 1024;
const MAX_SOCKETS = 32;

export interface ApiRequest {
  method: 'GET' | 'PATCH' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: unknown;
  /** A change that must not be made twice: sent again only when it certainly was not made. */
  once?: boolean;
  /** A POST that changes something and may be sent again. */
  change?: boolean;
  /** Statuses besides 2xx that mean success. */
  alsoGood?: readonly number[];
  /** Longest wait for the answer, where it takes longer than others. */
  timeoutMs?: number;
}

/** Whether a request changes something at the other side; a login does not count. */
export const changes = ({ method, once, change }: ApiRequest): boolean =>
  method === 'PATCH' || once === true || change === true;

/** How the other side is reached, where the address alone does not say it. PEM texts. */
export interface TransportOptions {
  /** A unix socket; the host of the address is then only a name. */
  socketPath?: string;
  ca?: string;
  cert?: string;
  key?: string;
}

/** What became of one HTTP request. */
export type Reply =
  | { answered: true; status: number; body: unknown; retryAfter: string | undefined }
  /** `sent` is false only when the request certainly never reached the other side. */
  | { answered: false; reason: string; sent: boolean };

/** Failures before a connection exists: nothing was sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ENOENT', // of a unix socket
  'EACCES',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Sends single HTTP requests over kept-alive sockets: no redirects, no retries, bounded bodies. */
export class Transport {
  private readonly httpAgent = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  private readonly httpsAgent: HttpsAgent;
  private readonly client: AxiosInstance;

  constructor(private readonly options: TransportOptions = {}) {
    const { socketPath, ...tls } = options;
    this.httpsAgent = new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, ...tls });
    this.client = axios.create({
      adapter: 'http',
      httpAgent: this.httpAgent,
      httpsAgent: this.httpsAgent,
      // A redirect would carry the credentials to a host nobody configured.
      maxRedirects: 0,
      maxContentLength: MAX_ANSWER_BYTES,
      maxBodyLength: MAX_REQUEST_BYTES,
      validateStatus: () => true,
      ...(socketPath !== undefined && { socketPath }),
    });
  }

  /**
   * Sends once and waits at most `timeoutMs`. Expected failures are values.
   * @throws PlatformError when the call was stopped
   */
  async send(call: Call, request: ApiRequest, timeoutMs: number): Promise<Reply> {
    if (call.signal.aborted) throw stopped(call);
    const controller = new AbortController();
    const stop = () => controller.abort();
    // Covers name lookup and connecting too, which axios's own timeout does not.
    const timer = setTimeout(stop, timeoutMs);
    call.signal.addEventListener('abort', stop);
    try {
      const answer = await this.client.request<unknown>({
        method: request.method,
        url: request.url,
        headers: { accept: 'application/json', ...request.headers },
        data: request.body,
        signal: controller.signal,
        ...(this.isHere(request.url) ? { proxy: false as const } : {}),
      });
      const retryAfter: unknown = answer.headers['retry-after'];
      return {
        answered: true,
        status: answer.status,
        body: answer.data,
        retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
      };
    } catch (error) {
      if (call.signal.aborted) {
        if (changes(request)) call.mayHaveApplied = true;
        throw stopped(call);
      }
      return lost(error, controller.signal.aborted ? timeoutMs : undefined);
    } finally {
      clearTimeout(timer);
      call.signal.removeEventListener('abort', stop);
    }
  }

  private isHere(url: string): boolean {
    return this.options.socketPath !== undefined || isLoopback(url);
  }

  close(): void {
    this.httpAgent.destroy();
    this.httpsAgent.destroy();
  }
}

/**
 * Names the failure by its code alone: axios's error holds the request with its headers, and so
 * the token, and must not travel on as a cause.
 */
function lost(error: unknown, timedOutAfterMs: number | undefined): Reply {
  if (timedOutAfterMs !== undefined) {
    return { answered: false, reason: `no answer within ${timedOutAfterMs} ms`, sent: true };
  }
  if (!isAxiosError(error)) throw error;
  const code = error.code ?? 'unknown network error';
  return { answered: false, reason: code, sent: !NEVER_SENT.has(code) };
}
