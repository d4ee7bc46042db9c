/** The recorder on its own: batches, outages, floods, and the end. */
import { InboxRecorder, trimInbox, type Pending } from '../../src/inbox/recorder';
import type { InboxLimits } from '../../src/inbox/limits';
import type { Delivery } from '../../src/store/deliveries';
import { createMemoryStore } from '../../src/store/memory';
import { ManualClock, START } from '../http/support/clock';
import { until } from '../support/until';

const delivery = (n: number, over: Partial<Delivery> = {}): Delivery => ({
  id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  bin: 'a',
  receivedAt: START + n,
  method: 'POST',
  path: '/inbox/a',
  verdict: 'ok',
  signature: { kind: 'absent' },
  shape: { kind: 'fits' },
  answer: { status: 200, text: '' },
  about: {},
  bodyBytes: 2,
  bodyState: 'whole',
  headers: {},
  body: Buffer.from('{}'),
  ...over,
});
const pending = (n: number, bytes = 2): Pending => ({ bytes, examine: () => delivery(n) });

function setUp(limits: Partial<InboxLimits> = {}) {
  const clock = new ManualClock();
  const store = createMemoryStore();
  const batches: number[] = [];
  const outage: { error?: Error } = {};
  const warnings: string[] = [];
  const recorder = new InboxRecorder({
    clock,
    log: { warn: (_fields, message) => void warnings.push(message) },
    limits,
    store: {
      trimDeliveries: (quota) => store.trimDeliveries(quota),
      addDeliveries: async (deliveries) => {
        if (outage.error) throw outage.error;
        batches.push(deliveries.length);
        await store.addDeliveries(deliveries);
      },
    },
  });
  const stored = async () => (await store.deliveries({}, 500)).items.length;
  return { clock, store, recorder, batches, outage, warnings, stored };
}

it('writes what came within a moment together', async () => {
  const { clock, recorder, batches } = setUp({ batchCount: 3 });
  for (let n = 1; n <= 7; n += 1) expect(recorder.record(pending(n))).toBe(true);
  expect(recorder.stats).toEqual({ recorded: 0, dropped: 0, waiting: 7 });
  clock.advance(200);
  await recorder.flush();
  expect(batches).toEqual([3, 3, 1]);
  expect(recorder.stats).toEqual({ recorded: 7, dropped: 0, waiting: 0 });
});

it('ends a batch that large bodies fill', async () => {
  const { recorder, batches } = setUp({ batchBytes: 100 });
  for (let n = 1; n <= 4; n += 1) recorder.record(pending(n, 60));
  await recorder.flush();
  expect(batches).toEqual([2, 2]);
});

it('drops what does not fit, by number and by size, and says so once in a while', async () => {
  const { clock, recorder, warnings, stored } = setUp({ bufferCount: 2, bufferBytes: 10 });
  const taken = [pending(1), pending(2, 9), pending(3), pending(4)].map((p) => recorder.record(p));
  expect(taken).toEqual([true, false, true, false]);
  expect(warnings).toHaveLength(1);
  clock.advance(10_000);
  await recorder.flush();
  expect(await stored()).toBe(2);
  expect(recorder.stats).toMatchObject({ dropped: 2 });
  recorder.record(pending(5, 11));
  expect(warnings).toHaveLength(2);
});

it('keeps what it has while the store is away, and writes it once when it is back', async () => {
  const { clock, recorder, outage, warnings, stored } = setUp();
  outage.error = new Error('away');
  recorder.record(pending(1));
  await recorder.flush();
  await recorder.flush();
  expect([await stored(), recorder.stats.waiting]).toEqual([0, 1]);
  expect(warnings).toHaveLength(1);
  delete outage.error;
  recorder.record(pending(2));
  clock.advance(30_000);
  await until(async () => (await stored()) === 2);
  expect(recorder.stats).toEqual({ recorded: 2, dropped: 0, waiting: 0 });
});

it('gives up a batch that the store never takes, so that it does not hold up the rest', async () => {
  const { recorder, outage, stored } = setUp();
  outage.error = new Error('poison');
  recorder.record(pending(1));
  for (let tries = 0; tries < 10; tries += 1) await recorder.flush();
  expect(recorder.stats).toEqual({ recorded: 0, dropped: 1, waiting: 0 });
  delete outage.error;
  recorder.record(pending(2));
  await recorder.flush();
  expect(await stored()).toBe(1);
});

it('writes the rest when it closes, and takes no more', async () => {
  const { recorder, stored } = setUp();
  recorder.record(pending(1));
  await recorder.close();
  expect(await stored()).toBe(1);
  expect(recorder.record(pending(2))).toBe(false);
});

it('closes in time although the store hangs', async () => {
  const clock = new ManualClock();
  const hanging = { addDeliveries: () => new Promise<void>(() => undefined), trimDeliveries: async () => 0 };
  const recorder = new InboxRecorder({ store: hanging, clock, log: { warn: () => undefined } });
  recorder.record(pending(1));
  const closed = recorder.close();
  clock.advance(2_000);
  await closed;
  expect(recorder.stats.waiting).toBe(1);
});

it('removes what is older than a day, or too much', async () => {
  const { store, stored } = setUp();
  const day = 86_400_000;
  await store.addDeliveries([
    delivery(1, { receivedAt: 1 }),
    delivery(2, { receivedAt: day }),
    delivery(3, { receivedAt: day + 1 }),
  ]);
  expect(await trimInbox(store, day + 2)).toBe(1);
  expect(await trimInbox(store, day + 2, { keepMs: day, keepCount: 1, keepBytes: 1_000 })).toBe(1);
  expect(await stored()).toBe(1);
});
