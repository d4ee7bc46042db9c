/** Alerts over HTTP: listed, acknowledged, counted, streamed; and what a schedule will do. */
import type { LedgerEntry } from '../../src/domain/ledger';
import { until } from '../support/until';
import { startApi, type Api } from './support/api';
import { open, text } from './support/client';

let api: Api;
beforeEach(async () => void (api = await startApi()));
afterEach(() => api.close());

const lost = (subject: string) =>
  api.engine.alerts.raise(
    { kind: 'schedule-lost', subject, message: `${subject} is lost; look for it` },
    'test',
  );
const items = async (query = '') => (await api.call('GET', `/alerts${query}`)).body['items'] as unknown;

describe('GET /alerts', () => {
  it('lists what is wrong now and what is over, newest first, page by page', async () => {
    for (const subject of ['one', 'two', 'three']) {
      await lost(subject);
      api.clock.advance(1_000);
    }
    await lost('three');
    await api.engine.alerts.resolve({ kind: 'schedule-lost', subject: 'two' }, 'found', 'test');
    expect(await items('?open=true')).toMatchObject([
      { subject: 'three', count: 2, resolvedAt: null, message: 'three is lost; look for it' },
      { subject: 'one', count: 1 },
    ]);
    expect(await items('?open=false')).toMatchObject([{ subject: 'two', resolution: 'found' }]);
    const first = await api.call('GET', '/alerts?limit=2');
    expect(first.body).toMatchObject({ items: [{ subject: 'three' }, { subject: 'two' }] });
    const next = text(first.body['nextCursor']);
    expect(await items(`?limit=2&cursor=${next}`)).toMatchObject([{ subject: 'one' }]);
    expect((await api.call('GET', '/alerts?open=maybe')).status).toBe(400);
  });
});

describe('POST /alerts/:alertId/acknowledge', () => {
  it('keeps who saw it first, with a ledger entry, and leaves it open', async () => {
    await lost('one');
    const [alert] = (await api.store.alerts({}, 1)).items;
    const path = `/alerts/${alert?.id}/acknowledge`;
    const { status, body } = await api.call('POST', path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ acknowledgedBy: 'local', resolvedAt: null, links: { acknowledge: null } });
    api.clock.advance(5_000);
    expect((await api.call('POST', path)).body).toEqual(body);
    const entries = (await api.store.ledger(0, 100)).map(({ body: b }) => JSON.parse(b) as LedgerEntry);
    expect(entries.filter(({ entity }) => entity === 'alert')).toMatchObject([
      { action: 'alert.raised', actor: 'test', id: 'schedule-lost:one' },
      { action: 'alert.acknowledged', actor: 'local', set: { status: 'acknowledged' } },
    ]);
  });

  it('knows no other alert', async () => {
    const { status, body } = await api.call(
      'POST',
      '/alerts/00000000-0000-4000-8000-000000000000/acknowledge',
    );
    expect(status).toBe(404);
    expect(body).toMatchObject({ code: 'alert-not-found' });
  });
});

it('counts alerts for Prometheus, and tells of them in the log and the event stream', async () => {
  const stream = await open(api.port, 'GET', '/events', {});
  let seen = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (seen += chunk));
  await until(() => seen.includes('event: hello'), { what: 'the stream' });
  await lost('one');
  await lost('one');
  await until(() => seen.includes('event: alert'), { what: 'the alert' });
  expect(seen.match(/event: alert/g)).toHaveLength(1);
  expect(seen).toContain('"subject":"one"');
  const metrics = (await api.call('GET', '/metrics')).text;
  expect(metrics).toContain('reveille_alerts_raised_total{kind="schedule-lost"} 1');
  expect(metrics).toContain('reveille_alerts_open{kind="schedule-lost"} 1');
  expect(metrics).toContain('reveille_alerts_open{kind="missed-tick"} 0');
  expect(api.logged()).toContain('alert: one is lost; look for it');
  stream.destroy();
});

describe('GET /workflows/:workflowId/schedule', () => {
  it('tells the next times and the clock changes, and what it does not know yet', async () => {
    const { status, body } = await api.call('GET', '/workflows/audit/schedule');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      words: 'At 09:00, only on Monday (Europe/Berlin)',
      next: [{ at: '2026-03-09T08:00:00.000Z', local: '2026-03-09 09:00' }, {}, {}, {}, {}],
      clockChanges: [],
      ...{ learned: null, overlaps: null, cost: null, remarks: [] },
    });
  });

  it('learns from the runs that succeeded', async () => {
    await api.startRun('audit');
    for (const seconds of [60, 120]) {
      const job = await api.cloud.nextJob();
      api.clock.advance(seconds * 1_000);
      expect((await api.deliver(job)).status).toBe(200);
    }
    const { body } = await api.call('GET', '/workflows/audit/schedule');
    expect(body).toMatchObject({
      learned: { runs: 1, p50Ms: 180_000, p95Ms: 180_000 },
      overlaps: { p50: { ticks: 52, overlapping: 0, firstAt: null } },
      cost: {
        agents: [
          { agentId: 'crawler', workSeconds: 60, lingerSeconds: 30, alwaysOn: false },
          { agentId: 'writer', workSeconds: 120, lingerSeconds: 0, costPerMonthUsd: null },
        ],
      },
    });
    // 52 Mondays in these 365.25 days: 4.333 a month × 90 s × 0.05 an hour.
    expect(body['cost']?.['costPerMonthUsd']).toBeCloseTo(((52 / 12) * 90 * 0.05) / 3_600, 6);
    expect(body['cost']?.['formulas']).toMatchObject([
      'crawler: 4.3 runs × (0 boot + 60 work + 30 linger) s ÷ 3600 × $0.05 an hour = $0.0054',
      'writer: 4.3 runs × (0 boot + 120 work + 0 linger) s = 520 s awake; no price is known',
    ]);
  });

  it('has nothing to say of a workflow without one', async () => {
    expect((await api.call('GET', '/workflows/single/schedule')).body).toMatchObject({ code: 'no-schedule' });
    expect((await api.call('GET', '/workflows/none/schedule')).body).toMatchObject({
      code: 'workflow-not-found',
    });
  });
});
