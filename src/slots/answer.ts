/** JSON answers and bounded bodies, for all that the controller serves itself. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StageError } from './errors';

export interface Answer {
  status: number;
  body: unknown;
}

/** @throws StageError (413) */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limit) throw new StageError('resolve', `The body is longer than ${limit} bytes.`, 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function reply(response: ServerResponse, { status, body }: Answer): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(status === 413 && { connection: 'close' }),
  });
  response.end(text);
}
