/** A name server for an agent that is cut off: every name has the same address, behind which the recorder answers. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode, encode } from 'dns-packet';

/** Of the addresses for tests of networks (RFC 2544): nothing else is there. */
const ADDRESS = '198.18.0.1';
const TTL_SECONDS = 60;
/** Names remembered. */
const MAX_NAMES = 200;

export class NameServer {
  private readonly socket = createSocket('udp4');
  private readonly seen = new Set<string>();

  async open(port: number): Promise<void> {
    this.socket.on('message', (message, from) => {
      const answer = this.answer(message);
      if (answer) this.socket.send(answer, from.port, from.address);
    });
    this.socket.bind(port, '0.0.0.0');
    await once(this.socket, 'listening');
  }

  /** What was asked for. */
  get asked(): string[] {
    return [...this.seen];
  }

  close(): void {
    this.socket.close();
  }

  private answer(message: Buffer): Buffer | undefined {
    let query: ReturnType<typeof decode>;
    try {
      query = decode(message);
    } catch {
      return undefined; // No query: whoever sent it gets no answer.
    }
    const [question] = query.questions ?? [];
    if (query.type !== 'query' || question === undefined) return undefined;
    const name = question.name.toLowerCase();
    if (this.seen.size < MAX_NAMES) this.seen.add(name);
    const isAddress = question.type === 'A';
    return encode({
      ...{ type: 'response', id: query.id ?? 0, questions: [question] },
      // Other records of a name are none: nothing of it is secret, and nothing there.
      answers: isAddress ? [{ type: 'A', name: question.name, ttl: TTL_SECONDS, data: ADDRESS }] : [],
    });
  }
}
