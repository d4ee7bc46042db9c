/** `reveille capsules`: which are awake, since when, for whom, and what keeps them so. */
import { Command } from 'commander';
import { z } from 'zod';
import { CapsuleView } from '../http/views/capsule';
import { apiOf, overApi, type ApiOptions } from './client';
import { print, printJson, table, terminalWidth, type Column } from './output';
import { paintFor, type Paint } from './terminal';

export type CapsuleSeen = z.infer<typeof CapsuleView>;
export const CapsuleList = z.object({ items: z.array(CapsuleView) });

export const capsulesCommand = (): Command =>
  overApi(new Command('capsules').description('list capsules, and what keeps the awake ones awake')).action(
    async (options: ApiOptions) => {
      const { items } = await apiOf(options).get('/capsules', CapsuleList);
      if (options.json) return items.forEach((capsule) => printJson(capsule));
      if (items.length === 0) return print('There is no capsule yet: none of the agents was woken.');
      const paint = paintFor(process.stdout, process.env);
      const now = Date.now();
      for (const line of table(items, capsuleColumns(paint, now), terminalWidth(), paint.dim)) print(line);
    },
  );

/** @param now epoch ms, from which the time in a status is counted */
export const capsuleColumns = (paint: Paint, now: number): Array<Column<CapsuleSeen>> => [
  { title: 'capsule', value: (c) => c.id },
  { title: 'status', value: (c) => c.status, paint: (c) => paint.status(c.status) },
  { title: 'for', value: (c) => (c.since === null ? '' : lasting(now - Date.parse(c.since))) },
  { title: 'shift', value: (c) => (c.generation === 0 ? '' : String(c.generation)) },
  {
    title: 'boot p95',
    value: (c) => (c.boot.p95Ms === null ? '' : `${(c.boot.p95Ms / 1_000).toFixed(2)} s`),
  },
  { title: 'at work', value: (c) => String(c.activity.held) },
  { title: 'waiting', value: (c) => String(c.activity.waiting) },
  { title: 'what', value: what, flexible: true },
];

function what({ lastError, failedWakes, reasonsAwake, retryWakeAt }: CapsuleSeen): string {
  if (failedWakes > 0) {
    const again = retryWakeAt === null ? '' : `, again at ${retryWakeAt.slice(11, 19)} UTC`;
    return `${failedWakes} failed wakes${again}: ${lastError ?? ''}`;
  }
  return reasonsAwake.join(', ');
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** `3 min`: the largest unit that fits, rounded down. */
export function lasting(ms: number): string {
  const unit = UNITS.find(([length]) => ms >= length);
  return unit ? `${Math.floor(ms / unit[0])} ${unit[1]}` : '0 s';
}
