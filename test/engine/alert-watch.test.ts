/** The alert rules: opened while something is so, closed when it is so no more, whoever looks. */
import { dueAlerts, IDLE_GRACE_MS, OLD_QUEUE_MS } from '../../src/domain/alert-rules';
import { asleep, type CapsuleState } from '../../src/domain/capsule';
import { AlertWatch } from '../../src/engine/alert-watch';
import type { LedgerEntry } from '../../src/domain/ledger';
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
  const failed = await api.cloud.nextJob();
  await api.deliver(failed, { status: 'error', error: 'out of ink' });
  await watch.look();
  await watch.look();
  const [alert] = (await api.store.alerts({ open: true }, 10)).items;
  expect(alert).toMatchObject({ kind: 'run-failed', subject: 'single', count: 1 });
  expect(alert?.message).toContain('out of ink');
  const entries = (await api.store.ledger(0, 100)).map(({ body }) => JSON.parse(body) as LedgerEntry);
  expect(entries.find(({ action }) => action === 'alert.raised')).toMatchObject({ runId: failed.runId });
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

it('tells of a workflow that fails more often than not, until it does so no more', async () => {
  const end = async (status: 'success' | 'error') => {
    await api.startRun('single');
    await api.deliver(await api.cloud.nextJob(), { status, ...(status === 'error' && { error: 'no' }) });
    api.clock.advance(1_000);
  };
  for (const status of ['error', 'error', 'error', 'success'] as const) await end(status);
  await watch.look();
  expect(await open()).toEqual([]);
  await end('success');
  await watch.look();
  expect(await open()).toEqual(['error-rate single']);
  await end('success');
  await watch.look();
  expect(await open()).toEqual([]);
});

describe('a capsule that is awake', () => {
  const NOW = 1_000_000_000;
  const state = (more: Partial<CapsuleState>): CapsuleState => ({ ...asleep('cap', 'writer'), ...more });
  const dueFor = (more: Partial<CapsuleState>, idleMs: number) =>
    dueAlerts(
      { lastRuns: [], capsules: [{ state: state(more), idleSince: NOW - idleMs, lingerMs: 60_000 }] },
      NOW,
    ).map(({ kind, subject }) => `${kind} ${subject}`);
  const late = 60_000 + IDLE_GRACE_MS + 1;

  it('is told of when nobody works on it after its linger and the grace', () => {
    expect(dueFor({ status: 'awake' }, late)).toEqual(['awake-idle cap']);
    expect(dueFor({ status: 'draining' }, late)).toEqual(['awake-idle cap']);
    expect(dueFor({ status: 'awake' }, late - 1)).toEqual([]);
  });

  it('is not while it is kept awake for something, or asleep', () => {
    const warm = [{ for: { workflowId: 'audit', scheduledFor: NOW }, until: NOW + 1, reason: 'soon' }];
    expect(dueFor({ status: 'awake', warm }, late)).toEqual([]);
    expect(dueFor({ status: 'awake', warm: warm.map((w) => ({ ...w, until: NOW })) }, late)).toHaveLength(1);
    expect(dueFor({ status: 'asleep' }, late)).toEqual([]);
  });
});
