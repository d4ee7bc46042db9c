/** What a run was billed, in replica-seconds, against services that are always on. */
import type { Shift } from '../../domain/capsule';

export interface Bill {
  bootSeconds: number;
  prewarmSeconds: number;
  workSeconds: number;
  lingerSeconds: number;
  drainSeconds: number;
  billedSeconds: number;
}

/** Adds up closed shifts. */
export function bill(shifts: Shift[]): Bill {
  const sum = (part: 'bootMs' | 'prewarmMs' | 'workMs' | 'lingerMs' | 'drainMs') =>
    shifts.reduce((total, { split }) => total + (split?.[part] ?? 0), 0) / 1_000;
  const parts = {
    bootSeconds: sum('bootMs'),
    prewarmSeconds: sum('prewarmMs'),
    workSeconds: sum('workMs'),
    lingerSeconds: sum('lingerMs'),
    drainSeconds: sum('drainMs'),
  };
  const billedSeconds = Object.values(parts).reduce((total, seconds) => total + seconds, 0);
  return { ...parts, billedSeconds: Math.round(billedSeconds * 1_000) / 1_000 };
}

/** The bill in words, with what the same agents cost always on for one period of the schedule. */
export function billLines(shifts: Shift[], agents: number, periodSeconds: number): string[] {
  const b = bill(shifts);
  const always = agents * periodSeconds;
  const part = (label: string, value: number) => `${label} ${value.toFixed(1)} s`;
  return [
    `billed        ${b.billedSeconds.toFixed(1)} replica-seconds: ${[
      part('boot', b.bootSeconds),
      part('work', b.workSeconds),
      part('linger', b.lingerSeconds),
      part('drain', b.drainSeconds),
    ].join(', ')}`,
    `always on     ${Math.round(always).toLocaleString('en-US')} replica-seconds for ${agents} services until the next run`,
    `saved         ${((1 - b.billedSeconds / always) * 100).toFixed(4)} % (1 − billed ÷ always on)`,
  ];
}
