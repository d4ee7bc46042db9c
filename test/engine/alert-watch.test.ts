/** The alert rules: opened while something is so, closed when it is so no more, whoever looks. */
import { OLD_QUEUE_MS } from '../../src/domain/alert-rules';
import { AlertWatch } from '../../src/engine/alert-watch';
import { startApi, testRegistry, type Api } from '../http/support/api';

let api: Api;
let watch: AlertWatch;
beforeEach(async () => {
  api = await startApi();
  const { store, clock } = api;
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  watch = new AlertWatch({ store, clock, registry: testRegistry(), log }, api.engine.alerts);
});
afterEach(() => api.close());

const open = async () =>
  (await api.store.alerts({ open: true }, 10)).items.map(({ kind, subject }) => `${kind} ${subject}`);

it('tells of a workflow whose last run failed, until one succeeds', async () => {
  await api.startRun('single');
  await api.deliver(await api.cloud.nextJob(), { status: 'error', error: 'out of ink' });
  await watch.look();
  await watch.look();
  const [alert] = (await api.store.alerts({ open: true }, 10)).items;
  expect(alert).toMatchObject({ kind: 'run-failed', subject: 'single', count: 1 });
  expect(alert?.message).toContain('out of ink');
  api.clock.advance(60_000);
  await api.startRun('single');
  const job = await api.cloud.nextJob();
  await watch.look();
  expect(await open()).toEqual(['run-failed single']);
  await api.deliver(job);
  await watch.look();
  expect(await open()).toEqual([]);
});

it('tells of a line in which the first waits too long', async () => {
  await api.startRun('single');
  const job = await api.cloud.nextJob();
  await api.startRun('single');
  api.clock.advance(OLD_QUEUE_MS + 1);
  await watch.look();
  expect(await open()).toEqual(['queue-old cap-writer']);
  await api.deliver(job);
  await api.cloud.nextJob();
  await watch.look();
  expect(await open()).not.toContain('queue-old cap-writer');
});
