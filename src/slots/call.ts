/** One request to an app on this machine, with a deadline and a limit, by no pool: what is asked is fresh. */
import { request } from 'node:http';
import type { Address } from './upstream';

const BODY_MAX_BYTES = 256 * 1024;

export interface Call {
  to: Address;
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface CallAnswer {
  status: number;
  body: string;
}

/** @throws Error on refusal, at the deadline, and when the answer is too long */
export function call({
  to,
  path,
  method = 'GET',
  headers = {},
  body,
  timeoutMs,
  signal,
}: Call): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const signals = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])];
    const outgoing = request(
      {
        host: '127.0.0.1',
        ...to,
        path,
        method,
        agent: false,
        headers: {
          ...headers,
          connection: 'close',
          ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
        },
        signal: AbortSignal.any(signals),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          chunks.push(chunk);
          if (bytes > BODY_MAX_BYTES)
            answer.destroy(new Error(`the answer is longer than ${BODY_MAX_BYTES} bytes`));
        });
        answer.once('error', reject);
        answer.once('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.once('error', (error) =>
      reject(
        error.name === 'AbortError' ? new Error(`no answer within ${timeoutMs} ms`, { cause: error }) : error,
      ),
    );
    outgoing.end(body);
  });
}
