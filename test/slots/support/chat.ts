/** Talks to the agent as the chat page does. */
import { request } from 'undici';
import { until } from '../../support/until';
import type { Installation } from './fixture';

export interface ChatEvent {
  id: number;
  type: string;
  data: Record<string, unknown> & { type?: string };
}

export class Chat {
  constructor(
    private readonly app: Installation,
    private readonly headers: Record<string, string> = {},
  ) {}

  async ask(method: 'GET' | 'POST', path: string, body?: unknown, headers: Record<string, string> = {}) {
    const { statusCode, body: answer } = await request(`http://127.0.0.1:${this.app.ports.app}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...this.headers, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: statusCode, body: (await answer.json()) as Record<string, unknown> };
  }

  async create(): Promise<string> {
    return String((await this.ask('POST', '/agent/conversations', { title: 'A talk' })).body['id']);
  }

  send(id: string, orders: unknown) {
    return this.ask('POST', `/agent/conversations/${id}/messages`, { text: JSON.stringify(orders) });
  }

  /** The stream from an event on, until one of them is what is looked for. */
  async until(id: string, last: (event: ChatEvent) => boolean, after = 0): Promise<ChatEvent[]> {
    const url = `http://127.0.0.1:${this.app.ports.app}/agent/conversations/${id}/events`;
    const stop = new AbortController();
    const { body } = await request(url, {
      headers: { ...this.headers, 'last-event-id': String(after) },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]),
    });
    const events: ChatEvent[] = [];
    let text = '';
    for await (const chunk of body.setEncoding('utf8')) {
      text += chunk as string;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      const fresh = blocks.filter((block) => block.startsWith('id: ')).map(eventOf);
      events.push(...fresh);
      // Each is looked at once: it may be counted.
      if (fresh.some(last)) break;
    }
    return events;
  }

  /** Sends a message and waits for its end. */
  async work(id: string, orders: unknown): Promise<ChatEvent[]> {
    const sent = await this.send(id, orders);
    if (sent.status !== 202) throw new Error(`message: ${sent.status} ${JSON.stringify(sent.body)}`);
    const { run } = sent.body as { run: number };
    let ends = 0;
    const events = await this.until(id, ({ type }) => type === 'end' && (ends += 1) === run);
    await until(async () => (await this.ask('GET', '/agent/conversations')).body['running'] === null, {
      what: 'the end of the work',
    });
    return events;
  }
}

function eventOf(block: string): ChatEvent {
  const [id = '', type = '', data = ''] = block.split('\n').map((line) => line.slice(line.indexOf(': ') + 2));
  return { id: Number(id), type, data: JSON.parse(data) as ChatEvent['data'] };
}
