/** Health, readiness, metrics, and the end of a server. */
import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { startServer } from '../../src/http/server';
import { startApi, type Api } from './support/api';
import { open, text } from './support/client';

let api: Api;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

it('GET /health says that the process lives, whatever the store does', async () => {
  api.outage.error = new Error('down');
  const { status, body } = await api.call('GET', '/health');
  expect([status, body]).toEqual([200, { status: 'ok' }]);
  expect((await api.call('HEAD', '/health')).status).toBe(200);
});

describe('GET /ready', () => {
  const ok = { store: 'ok', queue: 'ok', schedules: 'ok', process: 'ok' };
  const ready = async () => {
    const { status, body } = await api.call('GET', '/ready');
    return [status, body.status, body.checks] as unknown;
  };

  it('says that everything is in order', async () => {
    expect(await ready()).toEqual([200, 'ready', ok]);
  });

  it('says what is not, and no more', async () => {
    api.outage.error = new Error('password=canary');
    api.queue.ping = () => Promise.reject(new Error('redis://canary'));
    api.readiness.schedules = 'are not registered yet';
    api.readiness.stopping = true;
    expect(await ready()).toEqual([
      503,
      'not-ready',
      {
        store: 'does not answer',
        queue: 'does not answer',
        schedules: 'are not registered yet',
        process: 'is stopping',
      },
    ]);
  });

  it('waits for a queue that hangs until its deadline only, and asks it once for all who wait', async () => {
    let pings = 0;
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    api.queue.ping = () => {
      pings += 1;
      asked();
      return new Promise(() => undefined);
    };
    const answers = [ready(), ready()];
    await isAsked;
    // The second request arrives before time moves on.
    await api.call('GET', '/health');
    api.clock.advance(2_000);
    for (const answer of await Promise.all(answers)) {
      expect(answer).toEqual([503, 'not-ready', { ...ok, queue: 'does not answer' }]);
    }
    expect(pings).toBe(1);
  });
});

describe('GET /metrics', () => {
  const metrics = async () => (await api.call('GET', '/metrics')).text;

  it('tells requests, runs, capsules, leases and what is overdue', async () => {
    await api.startRun('single');
    await api.deliver(await api.cloud.nextJob());
    const { headers, text } = await api.call('GET', '/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; (charset=utf-8; )?version=0\.0\.4/);
    expect(text).toContain('reveille_runs_ended_total{workflow="single",status="succeeded"} 1');
    expect(text).toContain('reveille_capsules{status="asleep"}');
    expect(text).toContain('reveille_leases{state="held"} 0');
    expect(text).toContain('reveille_overdue{entity="run"} 0');
    expect(text).toContain('reveille_store_up 1');
    expect(text).toContain('reveille_queue_up 1');
    expect(text).toContain('reveille_tasks ');
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).toMatch(
      /duration_seconds_count\{method="POST",route="\/workflows\/:workflowId\/runs",status="201"\} 1/,
    );
  });

  it('counts a run once, although a late result tells of it again', async () => {
    const { body } = await api.startRun('single');
    const job = await api.cloud.nextJob();
    await api.call('POST', `/runs/${text(body.id)}/cancel`);
    await api.deliver(job);
    expect(await metrics()).toContain('reveille_runs_ended_total{workflow="single",status="cancelled"} 1');
  });

  it('still answers while the store is down', async () => {
    api.outage.error = new Error('down');
    const text = await metrics();
    expect(text).toContain('reveille_store_up 0');
    expect(text).not.toContain('reveille_overdue{');
  });

  it('says that the queue does not answer', async () => {
    api.queue.ping = () => Promise.reject(new Error('away'));
    expect(await metrics()).toContain('reveille_queue_up 0');
  });

  it('gives addresses that nobody declared one name', async () => {
    await api.call('GET', '/a');
    await api.call('GET', '/b?token=secret');
    expect(await metrics()).toMatch(/route="unmatched",status="404"\} 2/);
  });
});

describe('a server', () => {
  it('lets an answer under way finish before it closes', async () => {
    const arrivals = new EventEmitter<{ request: [ServerResponse] }>();
    const server = await startServer((_req, res) => arrivals.emit('request', res), {
      host: '127.0.0.1',
      port: 0,
    });
    const answered = open(server.port, 'GET', '/', {});
    const [res] = (await once(arrivals, 'request')) as [ServerResponse];
    const closed = server.close(5_000);
    res.end('done');
    const response = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();
    await closed;
    await server.close(0); // again is nothing
  });

  it('cuts what is left at the deadline', async () => {
    const server = await startServer(() => undefined, { host: '127.0.0.1', port: 0 });
    const answer = open(server.port, 'GET', '/', {}).catch((error: NodeJS.ErrnoException) => error.code);
    await server.close(50);
    expect(['ECONNRESET', 'ECONNREFUSED']).toContain(await answer);
  });

  it('says so when it cannot have its port', async () => {
    await expect(startServer(() => undefined, { host: '127.0.0.1', port: api.port })).rejects.toThrow(
      `PORT: ${api.port} is taken. End who listens there, or set another.`,
    );
  });
});
