import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { until } from '../support/until';
import { useInstallations, type Installation } from './support/fixture';

/** Long enough for a busy machine to see that a connection outlives the swap. */
const DRAIN_MS = 2_000;

describe('the proxy', () => {
  const make = useInstallations();
  let app: Installation;
  let a = '';
  let b = '';

  beforeAll(async () => {
    app = await make({ drain_timeout_ms: DRAIN_MS, restart_backoff_ms: 0 });
    a = app.repo.commit({ version: 'A' });
    b = app.repo.commit({ version: 'B' });
    await app.start();
  });
  beforeEach(() => app.live(a));

  const open = async (path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> => {
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port: app.ports.app,
      path,
      headers,
      agent: false,
    }).end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return answer.setEncoding('utf8');
  };

  /** Sends text as it is, and gives what came back by the time it matches. */
  const raw = async (text: string, pattern: RegExp) => {
    const socket = connect(app.ports.app, '127.0.0.1').setEncoding('utf8');
    let seen = '';
    socket.on('data', (chunk: string) => (seen += chunk));
    socket.write(text);
    await until(() => pattern.test(seen), { what: `${pattern} in ${JSON.stringify(seen)}` });
    return { socket, seen: () => seen };
  };

  const state = async () =>
    JSON.parse(await app.get('/state')) as { streamsClosed: number; waiting: number; quiet: boolean };

  it('passes bodies both ways and says who asked', async () => {
    const body = 'x'.repeat(300_000);
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port: app.ports.app,
      path: '/echo',
      method: 'PUT',
      agent: false,
    });
    outgoing.end(body); // Chunked, as no length is given.
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(answer.headers['x-method']).toBe('PUT');
    let echoed = '';
    for await (const chunk of answer.setEncoding('utf8')) echoed += chunk as string;
    expect(echoed).toBe(body);
    const text = await app.get('/headers');
    expect(text).toContain('"X-Forwarded-For","127.0.0.1"');
    expect(text).toContain(`"X-Forwarded-Host","127.0.0.1:${app.ports.app}"`);
  });

  it('keeps headers of one connection to itself, and lets none take the body length away', async () => {
    const text =
      'POST /headers HTTP/1.1\r\nHost: app\r\nConnection: x-private, content-length\r\nX-Private: 1\r\n' +
      'X-Kept: yes\r\nX-Kept: twice\r\nKeep-Alive: 9\r\nTE: trailers\r\nProxy-Authorization: p\r\nContent-Length: 2\r\n\r\nok';
    const { socket, seen } = await raw(text, /X-Forwarded-Host/);
    socket.destroy();
    expect(seen()).toContain('"X-Kept","yes","X-Kept","twice","Content-Length","2"');
    for (const gone of ['X-Private', '"TE"', 'Proxy-Authorization', '"Keep-Alive"'])
      expect(seen()).not.toContain(gone);
  });

  it('refuses what two parsers could read in two ways', async () => {
    const text =
      'POST /echo HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    const { seen } = await raw(text, /HTTP\/1\.1/);
    expect(seen()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('passes upgrades both ways, and a refusal of one', async () => {
    const head = 'GET /ws HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n';
    const { socket, seen } = await raw(head, /101 Switching Protocols[\s\S]*\r\n\r\n/);
    socket.write('hello');
    await until(() => seen().includes('A:hello'), { what: 'the echo' });
    socket.destroy();
    const refused = await raw(head.replace('/ws', '/refuse'), /\r\n\r\nno/);
    expect(refused.seen()).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('ends a request in the app when its client goes away', async () => {
    const { streamsClosed } = await state();
    const answer = await open('/stream');
    await once(answer, 'data');
    answer.destroy();
    await until(async () => (await state()).streamsClosed === streamsClosed + 1, {
      what: 'the end of the stream',
    });
    await until(async () => (await app.status()).slots[0]?.in_flight === 0, { what: 'nothing in flight' });
  });

  it('lets a request that was under way at a swap finish where it began', async () => {
    const slow = httpRequest({ host: '127.0.0.1', port: app.ports.app, path: '/slow', agent: false }).end();
    // Listened for before it can come.
    const answered = once(slow, 'response') as Promise<[IncomingMessage]>;
    await until(async () => (await state()).waiting === 1, { what: 'the slow request' });
    const slot = (await app.status()).slots[0];
    await app.live(b);
    expect(await app.get()).toBe('B');
    // The old slot still has it; only there can it be let go.
    await fetch(`http://127.0.0.1:${slot?.port}/release`);
    const [answer] = await answered;
    const [text] = (await once(answer.setEncoding('utf8'), 'data')) as [string];
    expect(text).toBe('A');
  });

  it('cuts streams and sockets that outlast drain_timeout_ms, and not before', async () => {
    const stream = await open('/stream');
    const head = 'GET /ws HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n';
    const { socket, seen } = await raw(head, /101 /);
    // Listened for before anything can close; once() would take the error of the cut for its own.
    const closed = (end: NodeJS.EventEmitter) =>
      new Promise<void>((resolve) => end.on('error', () => undefined).once('close', resolve));
    const bothClosed = Promise.all([closed(stream.resume()), closed(socket)]);
    const begun = performance.now();
    await app.live(b);
    socket.write('still');
    await until(() => seen().includes('A:still'), { what: 'the echo of the old slot' });
    await bothClosed;
    expect(performance.now() - begun).toBeGreaterThan(DRAIN_MS - 100);
    expect(await app.get()).toBe('B');
  });

  it('does not cut what came in since a rollback, though the slot had begun to drain', async () => {
    await app.live(b);
    const old = await open('/stream');
    old.on('error', () => undefined);
    await app.live(a); // B drains now.
    expect(await app.call('POST', '/rollback')).toMatchObject({ status: 200, body: { warm: true } });
    const young = await open('/stream');
    let broken = false;
    young.on('error', () => (broken = true)).resume();
    const cut = performance.now() + DRAIN_MS + 500;
    await until(() => performance.now() > cut, { what: 'the end of the drain time' });
    expect(broken).toBe(false);
    young.destroy();
    old.destroy();
  });

  it('refuses connections once the app has crashed, and says so in the status at once', async () => {
    await app.internal('/control/crash').catch(() => undefined); // It crashes without an answer.
    const crashed = performance.now();
    await until(async () => !(await app.status()).healthy, { what: 'healthy: false', deadlineMs: 5_000 });
    // The promise is 500 ms; a busy machine's own slowness comes on top of it.
    expect(performance.now() - crashed).toBeLessThan(2_000);
    await until(
      () =>
        app.get().then(
          () => false,
          (error: Error) => /ECONNREFUSED/.test(String(error)),
        ),
      {
        what: 'a refused connection',
      },
    );
    await expect(app.internal('/healthz')).rejects.toThrow(/ECONNREFUSED/);
  });
});
