/** The figures of each stage, of queues and of messages to people. */
import { Secret } from '../../src/config/secret';
import { startApi, type Api } from './support/api';
import { traceIdOf, traceparentOf } from '../../src/domain/trace';
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
  for (const stage of ['hold', 'dispatch', 'work', 'wake', 'probe'])
    expect(text).toContain(`reveille_stage_duration_seconds_count{stage="${stage}",agent="writer"} 1`);
  expect(text).toMatch(/reveille_stage_duration_seconds_sum\{stage="work",agent="writer"\} 7$/m);
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
