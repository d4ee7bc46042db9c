/** Workflows, agents, capsules and shifts as they are shown. */
import { startApi, type Api } from './support/api';
import { text } from './support/client';
import { START } from './support/clock';
import { until } from '../support/until';

let api: Api;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const get = async (path: string) => (await api.call('GET', path)).body;
const at = (ms: number) => new Date(START + ms).toISOString();

describe('GET /workflows', () => {
  it('shows the schedule in words, its zone and the next five fire times', async () => {
    const { items, nextCursor } = await get('/workflows');
    expect(nextCursor).toBeNull();
    expect(items?.[0]).toMatchObject({
      id: 'audit',
      steps: [
        { id: 'crawl', agentId: 'crawler' },
        { id: 'write', agentId: 'writer' },
      ],
      input: { depth: 2 },
      schedule: {
        cron: '0 9 * * 1',
        timezone: 'Europe/Berlin',
        words: 'At 09:00, only on Monday (Europe/Berlin)',
        enabled: true,
        // The clocks change on 29 March: nine o'clock stays nine o'clock.
        next: [
          '2026-03-09T08:00:00.000Z',
          '2026-03-16T08:00:00.000Z',
          '2026-03-23T08:00:00.000Z',
          '2026-03-30T07:00:00.000Z',
          '2026-04-06T07:00:00.000Z',
        ],
      },
      links: { start: '/workflows/audit/runs' },
    });
    expect(items?.[1]).toMatchObject({ id: 'single', schedule: null });
  });

  it('shows the last ticks of one', async () => {
    const scheduledFor = START - 3_600_000;
    const tick = {
      workflowId: 'audit',
      scheduledFor,
      action: 'skipped' as const,
      reason: 'too late',
      lateMs: 9,
    };
    await api.store.commit({ at: START, tick: { ...tick, decidedAt: START }, ledger: [] });
    const { lastTicks } = await get('/workflows/audit');
    expect(lastTicks).toEqual([
      {
        scheduledFor: at(-3_600_000),
        action: 'skipped',
        reason: 'too late',
        lateMs: 9,
        decidedAt: at(0),
        runId: null,
      },
    ]);
  });

  it('knows no other', async () => {
    const { status, body } = await api.call('GET', '/workflows/nope');
    expect([status, body.code]).toEqual([404, 'workflow-not-found']);
  });
});

it('GET /agents shows what is declared, and only whether there is a secret', async () => {
  const { items } = await get('/agents');
  expect(items).toEqual([
    {
      id: 'crawler',
      name: 'Crawler',
      capsuleId: 'cap-crawler',
      baseUrl: 'http://localhost:3101',
      mode: null,
      signs: true,
      concurrency: 1,
      lingerSeconds: 30,
      linger: 'fixed',
      wakeTimeoutSeconds: 120,
      pricePerReplicaHourUsd: 0.05,
    },
    expect.objectContaining({ id: 'writer', signs: false, pricePerReplicaHourUsd: null }),
  ]);
});

describe('GET /capsules', () => {
  const capsule = async (id: string) =>
    ((await get('/capsules')).items as unknown as Array<{ id: string }>).find((c) => c.id === id);

  it('shows one that never woke', async () => {
    expect(await capsule('cap-writer')).toMatchObject({
      status: 'asleep',
      generation: 0,
      since: null,
      shift: null,
      boot: { medianMs: null, p95Ms: null, samples: 0 },
      reasonsAwake: [],
    });
  });

  it('shows one at work, and why it is awake', async () => {
    await api.startRun();
    await api.cloud.nextJob();
    expect(await capsule('cap-crawler')).toMatchObject({
      status: 'awake',
      generation: 1,
      since: at(0),
      shift: { acceptedAt: at(0), healthyAt: at(0), zeroAt: null, billedMs: null },
      boot: { medianMs: 0, p95Ms: 0, samples: 1 },
      activity: { held: 1, waiting: 0, firstWorkAt: at(0) },
      reasonsAwake: expect.arrayContaining([expect.stringContaining('1 live lease')]) as unknown,
    });
  });

  it('shows one that lingers', async () => {
    await api.startRun();
    await api.deliver(await api.cloud.nextJob());
    expect(await capsule('cap-crawler')).toMatchObject({
      activity: { held: 0, idleSince: at(0) },
      reasonsAwake: ['lingers for another 30000 ms'],
    });
  });
});

describe('GET /shifts', () => {
  /** Lets one run of `single` work for a second and its capsule fall asleep. */
  async function shift(): Promise<void> {
    await api.startRun('single');
    const job = await api.cloud.nextJob();
    api.clock.advance(1_000);
    await api.deliver(job);
    await api.engine.tick();
    const asleep = async () => (await api.store.capsule('cap-writer'))?.state.status === 'asleep';
    await until(async () => (api.clock.advance(1), asleep()), { what: 'sleep' });
  }

  it('shows where the time of a shift went', async () => {
    await shift();
    const { items } = await get('/shifts?capsuleId=cap-writer');
    expect(items).toHaveLength(1);
    expect(items?.[0]).toMatchObject({
      generation: 1,
      healthyAt: at(0),
      endReason: 'idle',
      split: { bootMs: 0, workMs: 1_000 },
    });
    expect(Number(items?.[0]?.billedMs)).toBeGreaterThanOrEqual(1_000);
    const asleep = (await get('/capsules')).items as unknown as Array<{ id: string; since: string }>;
    expect(asleep.find((c) => c.id === 'cap-writer')?.since).toBe(items?.[0]?.zeroAt);
  });

  it('pages through them, newest first', async () => {
    await shift();
    await shift();
    const first = await get('/shifts?limit=1');
    expect(first.items?.[0]?.generation).toBe(2);
    const second = await get(`/shifts?limit=1&cursor=${text(first.nextCursor)}`);
    expect(second.items?.[0]?.generation).toBe(1);
    expect(second.nextCursor).toBeNull();
    expect((await get('/shifts?capsuleId=cap-crawler')).items).toEqual([]);
  });

  it('refuses a cursor that is none', async () => {
    expect((await api.call('GET', '/shifts?cursor=%F0')).status).toBe(400);
  });
});
