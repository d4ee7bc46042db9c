/** Sends requests over one pool of connections, and answers whatever comes back, however strange it was sent. */
import { Pool } from 'undici';
import type { FuzzRequest } from './requests';

export interface FuzzAnswer {
  status: number;
  type: string;
  text: string;
  /** The first that is set. */
  cookie?: string;
}

/** Nothing here takes that long: who needs longer hangs. */
const ANSWER_MS = 20_000;
/** What is kept of one answer to be searched. */
const MAX_TEXT = 2_000_000;

export class Sender {
  private readonly pool: Pool;

  constructor(port: number, connections: number) {
    this.pool = new Pool(`http://127.0.0.1:${port}`, { connections, pipelining: 1 });
  }

  /** @throws when the connection breaks or nothing comes in time */
  async send({ method, path, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
    const answer = await this.pool.request({
      method: method,
      path,
      headers,
      ...(body !== undefined && { body }),
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
    });
    const type = String(answer.headers['content-type'] ?? '');
    // A stream of events has no end.
    if (type.startsWith('text/event-stream')) {
      answer.body.on('error', () => undefined).destroy();
      return { status: answer.statusCode, type, text: '' };
    }
    const text = (await answer.body.text()).slice(0, MAX_TEXT);
    const [cookie] = [answer.headers['set-cookie'] ?? []].flat();
    return { status: answer.statusCode, type, text, ...(cookie !== undefined && { cookie }) };
  }

  async close(): Promise<void> {
    await this.pool.destroy();
  }
}
