/** When BullMQ fires a schedule: at the ticks that ours name. */
import { nextTicks } from '../../src/domain/schedule';
import { settings } from '../../src/engine/queue/settings';

const next = async (after: string, pattern: string, tz?: string): Promise<string | undefined> => {
  const at = await settings.repeatStrategy?.(Date.parse(after), { pattern, ...(tz !== undefined && { tz }) });
  return at === undefined ? undefined : new Date(at).toISOString();
};

test('a time that a clock change skips fires at the first minute that exists', async () => {
  const [tick = 0] = nextTicks(
    { cron: '30 2 * * *', timezone: 'Europe/Berlin' },
    Date.UTC(2026, 2, 28, 12),
    1,
  );
  expect(new Date(tick).toISOString()).toBe('2026-03-29T01:00:00.000Z');
  expect(await next('2026-03-28T12:00:00Z', '30 2 * * *', 'Europe/Berlin')).toBe('2026-03-29T01:00:00.000Z');
});

test('a tick is never the instant that is asked about', async () => {
  expect(await next('2026-03-28T12:00:00Z', '0 * * * *')).toBe('2026-03-28T13:00:00.000Z');
});

test('a leap day is found years ahead', async () => {
  expect(await next('2025-03-01T00:00:00Z', '0 0 29 2 *')).toBe('2028-02-29T00:00:00.000Z');
});

test('seconds, which no schedule of ours has, are read by BullMQ', async () => {
  expect(await next('2026-03-28T12:00:00Z', '*/5 * * * * *', 'UTC')).toBe('2026-03-28T12:00:05.000Z');
});
