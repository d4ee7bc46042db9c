/** What the engine expects of its queue, whichever store BullMQ is on. */
import type { Hint, Queue } from '../../src/engine/ports';
import { until } from '../support/until';

export interface QueueFixture {
  /** Opens one more connection to the same queue, as another orchestrator would. */
  open(): Promise<Queue>;
  close(): Promise<void>;
}

const DEADLINE = { deadlineMs: 20_000, every: 20 };
const EVERY_SECOND = '* * * * * *';

export function queueConformance(name: string, make: () => Promise<QueueFixture>): void {
  describe(`queue: ${name}`, () => {
    let fixture: QueueFixture;
    const opened: Queue[] = [];
    const open = async () => {
      const queue = await fixture.open();
      opened.push(queue);
      return queue;
    };
    beforeEach(async () => {
      fixture = await make();
    });
    afterEach(async () => {
      for (const queue of opened.splice(0)) await queue.close();
      await fixture.close();
    });

    it('delivers a hint', async () => {
      const queue = await open();
      const { hints } = await consume(queue);
      await queue.hint({ kind: 'run', id: 'r1' }, 0);
      await queue.hint({ kind: 'capsule', id: 'c1' }, 0);
      await until(() => hints.length === 2, { ...DEADLINE, what: 'both hints' });
      expect(hints.map((h) => `${h.kind}/${h.id}`).sort()).toEqual(['capsule/c1', 'run/r1']);
    });

    it('keeps a delayed hint until its time', async () => {
      const queue = await open();
      const { arrived } = await consume(queue);
      const sentAt = Date.now();
      await queue.hint({ kind: 'run', id: 'later' }, 400);
      await queue.hint({ kind: 'run', id: 'now' }, 0);
      await until(() => arrived.length === 2, { ...DEADLINE, what: 'both hints' });
      expect(arrived.map((a) => a.hint.id)).toEqual(['now', 'later']);
      expect((arrived[1]?.at ?? 0) - sentAt).toBeGreaterThanOrEqual(395);
    });

    it('keeps what came while nobody consumed', async () => {
      const producer = await open();
      await producer.hint({ kind: 'run', id: 'early' }, 0);
      const { hints } = await consume(await open());
      await until(() => hints.length === 1, { ...DEADLINE, what: 'the early hint' });
    });

    it('gives each hint to one of several consumers', async () => {
      const queues = [await open(), await open()];
      const seen = await Promise.all(queues.map(consume));
      const ids = Array.from({ length: 60 }, (_, i) => `h${i}`);
      await Promise.all(ids.map((id) => (queues[0] as Queue).hint({ kind: 'run', id }, 0)));
      const all = () => seen.flatMap((s) => s.hints.map((h) => h.id));
      await until(() => all().length >= ids.length, { ...DEADLINE, what: 'all hints' });
      expect(all().sort()).toEqual([...ids].sort());
    });

    it('goes on after a handler that failed', async () => {
      const queue = await open();
      const done: string[] = [];
      await queue.work({
        hint: async ({ id }) => {
          if (id === 'bad') throw new Error('a handler that fails');
          done.push(id);
        },
        tick: async () => undefined,
      });
      await queue.hint({ kind: 'run', id: 'bad' }, 0);
      await queue.hint({ kind: 'run', id: 'good' }, 0);
      await until(() => done.includes('good'), { ...DEADLINE, what: 'the good hint' });
    });

    it('fires schedules, and only those that are set', async () => {
      const queue = await open();
      const { ticks } = await consume(queue);
      const schedule = (workflowId: string) => ({
        workflowId,
        cron: EVERY_SECOND,
        timezone: 'Europe/Berlin',
      });
      expect(await queue.setSchedules([schedule('kept'), schedule('stale')])).toEqual([]);
      await until(() => ticks.includes('kept') && ticks.includes('stale'), {
        ...DEADLINE,
        what: 'both ticks',
      });
      expect((await queue.schedules()).sort()).toEqual(['kept', 'stale']);
      expect(await queue.setSchedules([schedule('kept')])).toEqual(['stale']);
      expect(await queue.schedules()).toEqual(['kept']);
      const before = ticks.length;
      await until(() => ticks.slice(before).filter((t) => t === 'kept').length >= 2, {
        ...DEADLINE,
        what: 'two more ticks',
      });
      // One that was due when it was removed may still arrive; a second may not.
      expect(ticks.slice(before).filter((t) => t === 'stale').length).toBeLessThanOrEqual(1);
    });

    it('sets the same schedules twice without doubling a tick', async () => {
      const queues = [await open(), await open()];
      const seen = await Promise.all(queues.map(consume));
      const schedules = [{ workflowId: 'w', cron: EVERY_SECOND, timezone: 'UTC' }];
      await Promise.all(queues.map((q) => q.setSchedules(schedules)));
      const startedAt = Date.now();
      const count = () => seen.reduce((n, s) => n + s.ticks.length, 0);
      await until(() => count() >= 3, { ...DEADLINE, what: 'three ticks' });
      expect(count()).toBeLessThanOrEqual(Math.ceil((Date.now() - startedAt) / 1_000) + 1);
    });

    it('delivers nothing more once it is paused', async () => {
      const queue = await open();
      const { hints } = await consume(queue);
      await queue.pause();
      const other = await open();
      const others = await consume(other);
      await other.hint({ kind: 'run', id: 'after' }, 0);
      await until(() => others.hints.length === 1, { ...DEADLINE, what: 'the hint at the other consumer' });
      expect(hints).toEqual([]);
    });

    it('answers a ping', async () => {
      await expect((await open()).ping()).resolves.toBeUndefined();
    });
  });
}

interface Consumed {
  hints: Hint[];
  arrived: Array<{ hint: Hint; at: number }>;
  ticks: string[];
}

async function consume(queue: Queue): Promise<Consumed> {
  const seen: Consumed = { hints: [], arrived: [], ticks: [] };
  await queue.work({
    hint: async (hint) => {
      seen.hints.push(hint);
      seen.arrived.push({ hint, at: Date.now() });
    },
    tick: async (workflowId) => void seen.ticks.push(workflowId),
  });
  return seen;
}
