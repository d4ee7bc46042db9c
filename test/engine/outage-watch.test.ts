/** What the orchestrator stands on was away: told on record, once, and when it is over. */
import { once } from 'node:events';
import type { LedgerEntry } from '../../src/domain/ledger';
import { DEFAULT_LIMITS } from '../../src/domain/limits';
import { ANSWER_MS, OutageWatch } from '../../src/engine/outage-watch';
import { startApi, type Api } from '../http/support/api';

let api: Api;
let watch: OutageWatch;
let platform: { state: string };
beforeEach(async () => {
  api = await startApi();
  const { store, clock, queue } = api;
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  platform = { state: 'ok' };
  watch = new OutageWatch({ store, clock, queue, log, platform, limits: DEFAULT_LIMITS }, api.engine.alerts);
});
afterEach(() => api.close());

const told = async () => {
  const entries = (await api.store.ledger(0, 100)).map(({ body }) => JSON.parse(body) as LedgerEntry);
  return entries.filter(({ actor }) => actor === 'outage-watch').map(({ action, id }) => `${action} ${id}`);
};

it('says nothing while both answer', async () => {
  await watch.look();
  await watch.look();
  expect(await told()).toEqual([]);
});

it('puts an outage of the record on record once it is over, with how long it was', async () => {
  api.outage.error = new Error('away');
  await watch.look();
  api.clock.advance(40_000);
  await watch.look();
  api.outage.error = undefined;
  await watch.look();
  await watch.look();
  expect(await told()).toEqual(['alert.raised store-away:store', 'alert.resolved store-away:store']);
  const [alert] = (await api.store.alerts({}, 1)).items;
  expect(alert?.message).toContain('did not answer for about 40 s');
});

it('tells of a queue that is away, or hangs, until it answers', async () => {
  const { ping } = api.queue;
  api.queue.ping = () => Promise.reject(new Error('refused'));
  await watch.look();
  await watch.look();
  expect((await api.store.alerts({ open: true }, 1)).items).toMatchObject([{ kind: 'queue-away', count: 1 }]);
  api.queue.ping = ping;
  await watch.look();
  api.queue.ping = () => new Promise(() => undefined);
  const look = watch.look();
  // The record has answered before time moves on.
  await api.call('GET', '/health');
  api.clock.advance(ANSWER_MS);
  await look;
  const [raised, resolved] = ['alert.raised queue-away:queue', 'alert.resolved queue-away:queue'];
  expect(await told()).toEqual([raised, resolved, raised]);
});

it('tells of a platform that is away at two looks in a row, until it answers', async () => {
  platform.state = 'does not answer';
  await watch.look();
  platform.state = 'ok';
  await watch.look();
  platform.state = 'refuses the credentials';
  await watch.look();
  expect(await told()).toEqual([]);
  for (let n = 0; n < 2; n += 1) await watch.look();
  const { items } = await api.store.alerts({ open: true }, 1);
  expect(items).toMatchObject([{ kind: 'platform-away', count: 1 }]);
  expect(items[0]?.message).toMatch(/^The platform refuses the credentials\./);
  platform.state = 'ok';
  await watch.look();
  expect(await told()).toEqual([
    'alert.raised platform-away:platform',
    'alert.resolved platform-away:platform',
  ]);
});

it('ends what an orchestrator that is gone left open, when its time comes', async () => {
  const message = 'The queue does not answer.';
  await api.engine.alerts.raise({ kind: 'queue-away', subject: 'queue', message }, 'outage-watch');
  const resolved = once(api.events, 'alert');
  watch.start();
  api.clock.advance(DEFAULT_LIMITS.outageLookMs);
  expect(await resolved).toMatchObject([{ kind: 'queue-away' }, 'resolved']);
  watch.close();
});
