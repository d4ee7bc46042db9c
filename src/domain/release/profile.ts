/** What a release costs in time and memory, against the one that works now. */
import type { VerdictKind } from '../rollout/verdict';

export interface Profile {
  /** From the start of its process to the first `GET /health` that is answered with 200. */
  bootMs: number;
  /** Time on a processor, from the start to the end of the checks. */
  cpuMs: number;
  /** The most memory it held, all its processes together. */
  peakRssBytes: number;
  /** What it was measured on: times of other machines cannot be compared. */
  machine: string;
}

export const DEFAULT_TOLERANCE_PERCENT = 25;
export const MAX_TOLERANCE_PERCENT = 1_000;

const MB = 1_000_000;
/** What measurements of the same release differ by: less than this is no difference, whatever its share. */
const NOISE = { bootMs: 150, cpuMs: 150, peakRssBytes: 8 * MB } as const;
type Figure = keyof typeof NOISE;
const FIGURES = ['bootMs', 'cpuMs', 'peakRssBytes'] as const;

export interface ProfileRow {
  figure: Figure;
  value: number;
  /** Undefined: there is nothing to compare it with. */
  before?: number;
  /** What it may be at most. */
  limit?: number;
  isOver: boolean;
}

export interface ProfileComparison {
  verdict: VerdictKind;
  reason: string;
  rows: ProfileRow[];
}

/** @param incumbent undefined where it was never measured, or there is none */
export function compareProfiles(
  mine: Profile,
  incumbent: Profile | undefined,
  tolerancePercent = DEFAULT_TOLERANCE_PERCENT,
): ProfileComparison {
  const isSameMachine = incumbent?.machine === mine.machine;
  const rows = FIGURES.map((figure): ProfileRow => {
    const before = isSameMachine || figure === 'peakRssBytes' ? incumbent?.[figure] : undefined;
    if (before === undefined) return { figure, value: mine[figure], isOver: false };
    const limit = Math.max(before * (1 + tolerancePercent / 100), before + NOISE[figure]);
    return { figure, value: mine[figure], before, limit, isOver: mine[figure] > limit };
  });
  return { rows, ...judged(rows, mine, incumbent, tolerancePercent) };
}

function judged(
  rows: readonly ProfileRow[],
  mine: Profile,
  incumbent: Profile | undefined,
  tolerancePercent: number,
): Pick<ProfileComparison, 'verdict' | 'reason'> {
  const over = rows.filter((r) => r.isOver);
  if (over.length > 0)
    return { verdict: 'fail', reason: `${over.map(told).join('; ')} (tolerance ${tolerancePercent} %)` };
  const figures = rows.map((r) => format(r.figure, r.value)).join(', ');
  if (!incumbent)
    return { verdict: 'pass', reason: `${figures}; there is no profile before it to compare it with` };
  if (incumbent.machine !== mine.machine)
    return {
      verdict: 'inconclusive',
      reason: `${figures}; the one before was measured on another machine (${incumbent.machine}): validate both on one`,
    };
  return { verdict: 'pass', reason: `${figures}; within ${tolerancePercent} % of the one before` };
}

const told = ({ figure, value, before = 0 }: ProfileRow): string =>
  `${format(figure, value)} after ${format(figure, before)}`;

function format(figure: Figure, value: number): string {
  if (figure === 'peakRssBytes') return `${Math.round(value / MB)} MB of memory`;
  return figure === 'bootMs' ? `boot in ${Math.round(value)} ms` : `${Math.round(value)} ms of processor`;
}
