/** The event stream: what it tells, and how it goes on after a loss. */
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { startApi, type Api } from './support/api';
import { open, text } from './support/client';
import { withDeadline } from '../support/deadline';
import { until } from '../support/until';

const EVENT_DEADLINE_MS = 5_000;

interface Told {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

/** Reads a stream frame by frame. */
class Watcher {
  readonly comments: string[] = [];
  private readonly told: Told[] = [];
  private readonly arrived = new EventEmitter();
  private rest = '';
  retry: string | undefined;

  constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.read(text));
    response.on('error', () => undefined); // cut off: the tests look at `closed`
  }

  get closed(): Promise<unknown> {
    return this.response.closed ? Promise.resolve() : once(this.response, 'close');
  }

  /** The next event of a type, skipping others. */
  async next(event: string): Promise<Told> {
    for (;;) {
      const told = this.told.shift();
      if (told?.event === event) return told;
      if (told === undefined) {
        await withDeadline(once(this.arrived, 'event'), EVENT_DEADLINE_MS, () => `no ${event} event`);
      }
    }
  }

  close(): void {
    this.response.destroy();
  }

  private read(text: string): void {
    const frames = (this.rest + text).split('\n\n');
    this.rest = frames.pop() ?? '';
    for (const frame of frames) {
      const fields = new Map(
        frame.split('\n').map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 2)]),
      );
      if (fields.has('')) this.comments.push(fields.get('') ?? '');
      this.retry = fields.get('retry') ?? this.retry;
      const data = fields.get('data');
      if (data === undefined) continue;
      this.told.push({
        id: fields.get('id') ?? '',
        event: fields.get('event') ?? '',
        data: JSON.parse(data) as Record<string, unknown>,
      });
      this.arrived.emit('event');
    }
  }
}

let api: Api;
const watchers: Watcher[] = [];
afterEach(async () => {
  for (const watcher of watchers.splice(0)) watcher.close();
  await api.close();
});

async function watch(lastEventId?: string): Promise<Watcher> {
  const headers: Record<string, string> = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
  const watcher = new Watcher(await open(api.port, 'GET', '/events', { headers }));
  watchers.push(watcher);
  return watcher;
}

describe('a stream', () => {
  beforeEach(async () => {
    api = await startApi();
  });

  it('tells runs and capsules as they change', async () => {
    const watcher = await watch();
    expect(watcher.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    await watcher.next('hello');
    const { body } = await api.startRun('single');
    const run = await watcher.next('run');
    expect(run.data).toMatchObject({ id: body.id, workflowId: 'single', status: 'running' });
    expect(run.data).not.toHaveProperty('input');
    expect((await watcher.next('capsule')).data).toMatchObject({ id: 'cap-writer', status: 'waking' });
    expect(watcher.retry).toBe('2000');
  });

  it('goes on where it was cut, without a gap and without a repeat', async () => {
    const first = await watch();
    const hello = await first.next('hello');
    first.close();
    const ids: unknown[] = [];
    for (let i = 0; i < 3; i += 1) ids.push((await api.startRun('single')).body.id);
    const second = await watch(hello.id);
    const seen = [await second.next('run')];
    while (new Set(seen.map((e) => e.data.id)).size < 3) seen.push(await second.next('run'));
    expect([...new Set(seen.map((e) => e.data.id))]).toEqual(ids);
    const numbers = seen.map((e) => Number(e.id.split('-')[1]));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it('tells nothing twice to one who missed nothing', async () => {
    const first = await watch();
    await first.next('hello');
    await api.startRun('single');
    await api.cloud.nextJob();
    const last = await first.next('capsule');
    await api.engine.tasks.idle();
    const again = await watch(last.id);
    const missed = await again.next('run');
    expect(Number(missed.id.split('-')[1])).toBeGreaterThan(Number(last.id.split('-')[1]));
  });

  it.each(['other-5', 'nonsense', '-', '1-2-3'])(
    'starts anew for the id %s, which is not of this process',
    async (id) => {
      const watcher = await watch(id);
      const { data } = await watcher.next('reset');
      expect(data.reason).toMatch(/missed/);
    },
  );

  it('starts anew for an id of the future', async () => {
    const { id } = await (await watch()).next('hello');
    const watcher = await watch(`${id.split('-')[0]}-999`);
    await watcher.next('reset');
  });

  it('beats while nothing happens', async () => {
    const watcher = await watch();
    await watcher.next('hello');
    api.clock.advance(15_000);
    await until(() => watcher.comments.length === 1, { what: 'the first heartbeat' });
    api.clock.advance(15_000);
    await until(() => watcher.comments.length === 2, { what: 'the second heartbeat' });
  });

  it('ends after an hour, to be opened again', async () => {
    const watcher = await watch();
    await watcher.next('hello');
    api.clock.advance(3_600_000);
    await watcher.closed;
    expect(api.streams.size).toBe(0);
  });

  it('is forgotten when its watcher goes', async () => {
    const watcher = await watch();
    await watcher.next('hello');
    expect(api.streams.size).toBe(1);
    watcher.close();
    await until(() => api.streams.size === 0, { what: 'the stream to be forgotten' });
  });

  it('ends with the process', async () => {
    const watcher = await watch();
    await watcher.next('hello');
    const listening = api.events.listenerCount('capsule');
    api.streams.close();
    await watcher.closed;
    expect(api.events.listenerCount('capsule')).toBe(listening - 1);
  });
});

it('says reset to one who was away for longer than the ring is long', async () => {
  api = await startApi({ streams: { ringSize: 3 } });
  const hello = await (await watch()).next('hello');
  for (let i = 0; i < 4; i += 1) await api.startRun('single');
  const watcher = await watch(hello.id);
  await watcher.next('reset');
});

it('takes so many watchers and no more', async () => {
  api = await startApi({ streams: { maxClients: 2 } });
  const first = await watch();
  await watch();
  const { status, headers, body } = await api.call('GET', '/events');
  expect([status, body.code, headers['retry-after']]).toEqual([503, 'too-many-streams', '10']);
  first.close();
  await until(() => !api.streams.isFull, { what: 'room for another' });
  await (await watch()).next('hello');
});

it('cuts off a watcher that does not read, and no other', async () => {
  api = await startApi();
  const sleepy = await watch();
  const reader = await watch();
  await reader.next('hello');
  await sleepy.next('hello');
  sleepy.response.pause();
  const { body } = await api.startRun('single');
  const run = await api.store.run(text(body.id));
  const big = { ...run!.state, workflowId: 'x'.repeat(200_000) };
  // Kernel buffers take some megabytes before the process has to keep anything.
  const goesOn = async () => {
    api.events.emit('run', big);
    await reader.next('run');
    return api.streams.size === 1;
  };
  await until(goesOn, { every: 1, what: 'the cut' });
  expect(reader.response.closed).toBe(false);
});
