/** The figures of each stage, of queues and of messages to people. */
import { Secret } from '../../src/config/secret';
import { startApi, type Api } from './support/api';
import { traceIdOf, traceparentOf } from '../../src/domain/trace';
import { Counter } from 'prom-client';
import { FORGET_MS, MAX_SERIES, ReleaseSeries } from '../../src/http/release-series';
import { until } from '../support/until';
import { message, notifierOf } from '../notify/support';

let api: Api;
beforeEach(async () => void (api = await startApi()));
afterEach(() => api.close());

const figures = async () => (await api.call('GET', '/metrics')).text;

it('times each stage of an attempt once, and tells the agent which trace it continues', async () => {
  await api.startRun('single');
  const job = await api.cloud.nextJob();
  expect(job.config.traceparent).toBe(traceparentOf(job.runId, 'only', 1));
  expect(job.config.traceparent).toMatch(new RegExp(`^00-${traceIdOf(job.runId)}-(?!0{16})[0-9a-f]{16}-01$`));
  // That the agent took it is committed a little later, or with what comes next.
  api.clock.advance(25);
  const accepted = async () => (await api.store.run(job.runId))?.state.steps[0]?.acceptedAt;
  await until(accepted, { what: 'the acceptance' });
  api.clock.advance(7_000);
  expect((await api.deliver(job)).status).toBe(200);
  await api.deliver(job);
  const text = await figures();
  expect(text).toContain('reveille_attempts_total{agent="writer",release="",outcome="success"} 1');
  for (const stage of ['hold', 'dispatch', 'work', 'settle', 'wake', 'probe'])
    expect(text).toContain(`reveille_stage_duration_seconds_count{stage="${stage}",agent="writer"} 1`);
  expect(text).toMatch(/reveille_stage_duration_seconds_sum\{stage="work",agent="writer"\} 7$/m);
});

it('tells what the work of an agent costs and takes, once for each result that counts', async () => {
  await api.startRun('single');
  const job = await api.cloud.nextJob();
  const usage = [
    { provider: 'p', model: 'm', inputTokens: 1_000, outputTokens: 20, costUsd: 0.25 },
    { provider: 'p', model: 'n', inputTokens: 5, outputTokens: 1, costUsd: 0.5 },
  ];
  const actions = [
    { type: 'post', at: '2026-03-02T12:00:00Z', costUsd: 1 },
    { type: 'boast', at: '2026-03-02T12:00:00Z', costUsd: 1e9 },
  ];
  for (let n = 0; n < 2; n += 1) await api.deliver(job, { usage, actions });
  const text = await figures();
  expect(text).toContain('reveille_work_cost_usd_total{agent="writer",release=""} 1.75');
  expect(text).toContain('reveille_work_tokens_total{agent="writer",release="",direction="input"} 1005');
  expect(text).toContain('reveille_work_tokens_total{agent="writer",release="",direction="output"} 21');
});

it('tells of releases as long as they work', async () => {
  const counter = new Counter({
    name: 'a_total',
    help: 'a',
    labelNames: ['agent', 'release'],
    registers: [],
  });
  const series = new ReleaseSeries(counter);
  const told = async () =>
    (await counter.get()).values.map(({ labels, value }) => [labels['release'], value]);
  for (const release of ['', 'old', 'new']) series.add({ agent: 'a', release }, 1, 0);
  series.forget(new Set(['new']), FORGET_MS);
  expect(await told()).toEqual([
    ['', 1],
    ['old', 1],
    ['new', 1],
  ]);
  series.forget(new Set(['new']), FORGET_MS + 1);
  expect(await told()).toEqual([
    ['', 1],
    ['new', 1],
  ]);
  for (let n = 0; n < MAX_SERIES; n += 1) series.add({ agent: 'a', release: `release-${n}` }, 1, 0);
  // The first two places were taken already.
  expect(await told()).toHaveLength(MAX_SERIES);
  expect((await told())[0]).toEqual(['', 3]);
});

it('tells how long the first in line waits', async () => {
  await api.startRun('single');
  await api.cloud.nextJob();
  await api.startRun('single');
  api.clock.advance(4_000);
  expect(await figures()).toMatch(/reveille_queue_oldest_seconds\{agent="writer"\} 4/);
});

it('tells of messages to people that wait', async () => {
  const { notifier } = notifierOf({ slackUrl: new Secret('http://127.0.0.1:9/none') });
  await api.store.addNotifications(notifier.rows(message(1)));
  api.clock.advance(9_000);
  const text = await figures();
  expect(text).toContain('reveille_notifications_waiting{channel="slack"} 1');
  expect(text).toContain('reveille_notifications_oldest_seconds{channel="slack"} 9');
  const { body } = await api.call('GET', '/notifications?waiting=true');
  expect(body['items']).toMatchObject([
    { channel: 'slack', title: 'Title 1', status: 'waiting', tries: 0, error: null, doneAt: null },
  ]);
  expect((await api.call('GET', '/notifications?waiting=false')).body['items']).toEqual([]);
  expect((await api.call('POST', '/notifications/test')).body).toEqual({ items: [] });
  await notifier.close();
});
