/** The watchdog on a virtual clock: it sees what nobody decided, whatever the queue believes. */
import { EventEmitter } from 'node:events';
import type { Alert, AlertChange } from '../../src/domain/alert';
import type { LedgerEntry } from '../../src/domain/ledger';
import { DEFAULT_LIMITS } from '../../src/domain/limits';
import { Alerts } from '../../src/engine/alerts';
import type { EngineEvents } from '../../src/engine/context';
import { Tasks } from '../../src/engine/tasks';
import { WATCH, Watchdog } from '../../src/engine/watchdog';
import { loadRegistry, type RegistryInput } from '../../src/registry';
import { createMemoryStore } from '../../src/store/memory';
import type { Store, Tick } from '../../src/store/store';
import { FakeQueue } from '../http/support/fakes';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';
import { simulatedRegistry } from '../simulation/registry';

const MINUTE = 60_000;
const PERIOD_MS = DEFAULT_LIMITS.watchMs;
const START = Date.UTC(2026, 0, 5, 11, 30);
/** The first tick of the schedule below: a Monday, 13:00 in Berlin. */
const NOON = Date.UTC(2026, 0, 5, 12);

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };

function registryOf(cron: string, slackSeconds = 0) {
  const input: RegistryInput = {
    agents: [{ id: 'alpha', name: 'Alpha', capsuleId: 'cap', baseUrl: 'http://alpha.test' }],
    workflows: [
      {
        id: 'report',
        name: 'Report',
        steps: [{ id: 'one', agent: 'alpha' }],
        schedule: { cron, timezone: 'Europe/Berlin', slackSeconds },
      },
    ],
  };
  const loaded = loadRegistry(input, {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.registry;
}

interface Setup {
  cron?: string;
  slackSeconds?: number;
  store?: Store;
  clock?: VirtualClock;
}

async function setUp({ cron = '0 * * * *', slackSeconds, store = createMemoryStore(), clock }: Setup = {}) {
  const time = clock ?? new VirtualClock(START);
  /** What the process's clock shows beyond what went by: set, or held up. */
  const skew = { ms: 0 };
  const skewed = { now: () => time.now() + skew.ms, after: time.after.bind(time) };
  const queue = new FakeQueue();
  queue.scheduled = ['report'];
  const errors: string[] = [];
  const log = { ...silent, error: (_: object, message: string) => void errors.push(message) };
  const events = new EventEmitter<EngineEvents>();
  const told: Array<[AlertChange, string]> = [];
  events.on('alert', (alert: Alert, change) => void told.push([change, alert.subject]));
  let ids = 0;
  const newId = () => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`;
  const registry = registryOf(cron, slackSeconds);
  const deps = { store, queue, registry, clock: skewed, limits: DEFAULT_LIMITS, log, events, newId };
  const tasks = new Tasks(log);
  const watchdog = new Watchdog(deps, new Alerts(deps), tasks);
  await watchdog.start();
  const pass = (ms: number) => time.runUntil(time.now() + ms, () => undefined);
  const open = async () => (await store.alerts({ open: true }, 100)).items;
  const decide = (scheduledFor: number, lateMs = 0, over: Partial<Tick> = {}) =>
    store.commit({
      at: time.now(),
      tick: {
        workflowId: 'report',
        scheduledFor,
        action: 'fired',
        reason: 'on time',
        lateMs,
        decidedAt: scheduledFor + lateMs,
        ...over,
      },
      ledger: [],
    });
  return { store, clock: time, skew, queue, watchdog, errors, told, pass, open, decide, tasks };
}

const NOON_SUBJECT = 'report@2026-01-05T12:00:00.000Z';

describe('scheduled times', () => {
  it('are quiet while each is decided in time', async () => {
    const { pass, decide, told, errors } = await setUp();
    for (let hour = 0; hour < 5; hour += 1) {
      await pass(30 * MINUTE);
      await decide(NOON + hour * 60 * MINUTE, 2_000);
      await pass(30 * MINUTE);
    }
    expect(told).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('raise an alert when nobody decides one, after the grace and not before', async () => {
    const { pass, open, told, clock } = await setUp();
    await pass(NOON + WATCH.graceMs - 1 - clock.now());
    expect(told).toEqual([]);
    await pass(1);
    expect(told).toEqual([['raised', NOON_SUBJECT]]);
    const [alert] = await open();
    expect(alert?.message).toMatch(
      /^The scheduled time 2026-01-05 13:00 \(Europe\/Berlin\) of workflow "report" is not decided \d+ s after it\. An orchestrator decides it/,
    );
    await pass(2 * PERIOD_MS);
    expect(told).toHaveLength(1);
    expect((await open())[0]?.count).toBe(3);
  });

  it('have their slack before the grace', async () => {
    const { pass, told, clock } = await setUp({ slackSeconds: 600 });
    await pass(NOON + 10 * MINUTE + WATCH.graceMs - 1 - clock.now());
    expect(told).toEqual([]);
    await pass(PERIOD_MS);
    expect(told).toEqual([['raised', NOON_SUBJECT]]);
  });

  it('are resolved by the decision, with what it was', async () => {
    const { pass, open, told, decide, store } = await setUp();
    await pass(32 * MINUTE);
    expect(await open()).toHaveLength(1);
    await decide(NOON, 150_000, { reason: 'missed while no orchestrator ran, and caught up' });
    await pass(PERIOD_MS);
    expect(told).toEqual([
      ['raised', NOON_SUBJECT],
      ['resolved', NOON_SUBJECT],
    ]);
    const [alert] = (await store.alerts({ open: false }, 10)).items;
    expect(alert?.resolution).toBe('fired 150 s late: missed while no orchestrator ran, and caught up');
    const actions = (await store.ledger(0, 10)).map(({ body }) => JSON.parse(body) as LedgerEntry);
    expect(actions.map(({ action, set }) => [action, set['status']])).toEqual([
      ['schedule.declared', undefined],
      ['alert.raised', 'open'],
      ['alert.resolved', 'resolved'],
    ]);
    await pass(10 * MINUTE);
    expect(told).toHaveLength(2);
  });

  it('that were passed over say that nobody will come back to them, and are given up after a day', async () => {
    const { pass, open, decide, store, skew } = await setUp({ cron: '0 13,14 5 1 *' });
    await pass(90 * MINUTE);
    await decide(NOON + 60 * MINUTE);
    await pass(2 * MINUTE);
    expect((await open())[0]?.message).toMatch(
      /nobody will: start the run yourself with POST \/workflows\/report\/runs/,
    );
    skew.ms = 24 * 60 * MINUTE;
    await pass(PERIOD_MS);
    expect((await store.alerts({ open: false }, 10)).items).toMatchObject([
      { subject: NOON_SUBJECT, resolution: 'given up: nobody decided it within a day' },
    ]);
  });

  it('decided late before anybody could see them missing are told once, together', async () => {
    const { pass, decide, told, skew, store } = await setUp({ cron: '*/10 * * * *' });
    // The process stood still while three ticks went by; then they were caught up before the next look.
    skew.ms = 35 * MINUTE;
    for (const minutes of [10, 20, 30]) await decide(START + minutes * MINUTE, (35 - minutes) * MINUTE);
    await pass(PERIOD_MS);
    const subject = 'report@2026-01-05T11:40:00.000Z';
    expect(told.filter(([, about]) => about !== 'watchdog')).toEqual([
      ['raised', subject],
      ['resolved', subject],
    ]);
    const [alert] = (await store.alerts({ open: false }, 10)).items;
    expect(alert?.message).toMatch(/was decided 1500 s late\. 2 more of this schedule are\./);
  });

  it('give each missing tick an alert, up to a limit, and say how many more there are', async () => {
    const { pass, open } = await setUp({ cron: '* * * * *' });
    await pass(60 * MINUTE);
    const alerts = await open();
    expect(alerts).toHaveLength(WATCH.maxNamed);
    expect(alerts[0]?.message).toMatch(/ 5\d more of this schedule are\. /);
  });

  it('that an orchestrator left missing are taken over by the next one', async () => {
    const first = await setUp();
    await first.pass(32 * MINUTE);
    first.watchdog.stop();
    await first.decide(NOON, 130_000);
    const second = await setUp({ store: first.store, clock: first.clock });
    await second.pass(PERIOD_MS);
    expect(second.told).toEqual([['resolved', NOON_SUBJECT]]);
  });

  it('are looked at by any of several orchestrators, and told by one', async () => {
    const first = await setUp();
    const second = await setUp({ store: first.store, clock: first.clock });
    await first.pass(32 * MINUTE);
    expect([...first.told, ...second.told]).toEqual([['raised', NOON_SUBJECT]]);
    first.watchdog.stop();
    await first.decide(NOON, 130_000);
    await second.pass(PERIOD_MS);
    expect(second.told).toContainEqual(['resolved', NOON_SUBJECT]);
  });
});

describe('the queue', () => {
  it('that lost a schedule is told of, and once it knows it again', async () => {
    const { pass, queue, told, open } = await setUp({ cron: '0 9 * * *' });
    const round = WATCH.queueEvery * PERIOD_MS;
    await pass(3 * round);
    expect(told).toEqual([]);
    queue.scheduled = [];
    await pass(round);
    expect(told).toEqual([]);
    await pass(round);
    expect(told).toEqual([['raised', 'report']]);
    expect((await open())[0]).toMatchObject({ kind: 'schedule-lost' });
    queue.scheduled = ['report'];
    await pass(round);
    expect(told.at(-1)).toEqual(['resolved', 'report']);
  });
});

describe('its own clock', () => {
  it('that is late or set is told of, until it is on time again', async () => {
    const { pass, told, open, skew, watchdog } = await setUp({ cron: '0 9 * * *' });
    await pass(PERIOD_MS * 2);
    expect(told).toEqual([]);
    skew.ms = 3_600_000;
    await pass(PERIOD_MS);
    expect(told).toEqual([['raised', 'watchdog']]);
    expect((await open())[0]?.message).toMatch(/held up for 3600 s, or its clock was set forward/);
    await pass(PERIOD_MS);
    expect(told.at(-1)).toEqual(['resolved', 'watchdog']);
    skew.ms = 0;
    await pass(PERIOD_MS);
    expect((await open())[0]?.message).toMatch(/was set back by 3600 s/);
    watchdog.stop();
    skew.ms = 7_200_000;
    await pass(10 * PERIOD_MS);
    expect(told).toHaveLength(3);
  });
});

describe('a store that is away', () => {
  it('does not end the watch', async () => {
    const { pass, errors, told, store } = await setUp();
    const ticks = store.ticks.bind(store);
    store.ticks = () => Promise.reject(new Error('away'));
    await pass(32 * MINUTE);
    expect(errors[0]).toMatch(/could not look at the schedule of report; it will try again/);
    store.ticks = ticks;
    await pass(PERIOD_MS);
    expect(told).toEqual([['raised', NOON_SUBJECT]]);
  });

  it('does not pile looks up while one hangs', async () => {
    const { pass, errors, store, tasks } = await setUp();
    store.ticks = () => new Promise(() => undefined);
    await pass(35 * MINUTE);
    expect(errors.length).toBeGreaterThan(3);
    expect(new Set(errors)).toEqual(new Set(['the watchdog is still at its last look']));
    expect(tasks.size).toBe(1);
  });
});

it('lets the engine tell of a tick that came due while no orchestrator ran', async () => {
  const clock = new VirtualClock(START + MINUTE);
  const random = seeded(1);
  const faults = new Faults(random, () => 0);
  const store = createMemoryStore();
  const cloud = new Cloud({ clock, random, faults, deliver: async () => true, onScale: () => undefined });
  const registry = simulatedRegistry();
  for (const agent of registry.agents) cloud.add(agent.capsuleId, agent.baseUrl);
  const log = { ...silent, error: () => undefined };
  const world = { clock, random, store, cloud, registry, faults, log, hint: () => undefined };
  const begin = async () => {
    const orchestrator = new Orchestrator(world);
    const started = orchestrator.engine.start();
    await clock.runUntil(clock.now() + 10, () => undefined);
    await started;
    return orchestrator;
  };
  const first = await begin();
  first.kill();
  await clock.runUntil(START + 15 * MINUTE, () => undefined);
  await begin();
  await clock.runUntil(START + 17 * MINUTE, () => undefined);

  const subject = 'scheduled@2026-01-05T11:40:00.000Z';
  expect((await store.alerts({}, 10)).items).toMatchObject([
    {
      kind: 'missed-tick',
      subject,
      resolution: expect.stringMatching(/^fired 30\d s late: .*caught up/) as string,
    },
  ]);
});
