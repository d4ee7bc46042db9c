/** What a replay comes to, on a capsule or in the sandbox: by the same rules, and in the same words. */
import { compareAll, outcomesOf, verdictOf, type Compared, type DeliveredPair } from './compare-work';
import { PAIRED_RULES, type Pairs } from './paired';
import type { Forecast } from './replay';
import type { ReplayStage } from './strategy';
import type { VerdictKind } from './verdict';

/** Tasks that tell nothing, and why. */
export interface Untold {
  /** Removed by retention. */
  removed: number;
  /** Done by another release, or by nobody. */
  untold: number;
  /** The candidate asked for what had not been recorded. */
  unrecorded: number;
  /** Not over in time. */
  open: number;
}

export interface ReplayReport extends Untold {
  compared: readonly Compared[];
  outcomes: Pairs;
  margin: number;
  forecast: Forecast;
  took: Forecast;
}

export interface JudgedReplay {
  verdict: VerdictKind;
  reason: string;
  report: ReplayReport;
}

type Rules = Pick<ReplayStage, 'compare' | 'tolerance' | 'margin'>;

/** @param spent the seconds it took, and what was forecast */
export function judgeReplay(
  pairs: readonly DeliveredPair[],
  { compare, tolerance, margin }: Rules,
  untold: Untold,
  spent: { seconds: number; forecast: Forecast },
): JudgedReplay {
  const compared = compareAll(pairs, compare, { ...PAIRED_RULES, tolerance, margin });
  const costUsd = pairs.reduce((sum, { candidate }) => sum + candidate.costUsd, 0);
  const { verdict, reason } = judged(compared, margin);
  return {
    ...{ verdict, reason: [reason, ...asides(untold)].join('; ') },
    report: {
      ...{ compared, outcomes: outcomesOf(pairs), ...untold, margin },
      ...{ forecast: spent.forecast, took: { seconds: spent.seconds, costUsd } },
    },
  };
}

function judged(compared: readonly Compared[], margin: number): Pick<JudgedReplay, 'verdict' | 'reason'> {
  const found = verdictOf(compared);
  if (found.verdict !== 'pass') return found;
  const within = `shown to be worse in at most ${Math.round(100 * margin)} % of the tasks`;
  return { verdict: 'pass', reason: `${found.reason}; ${within}` };
}

const asides = ({ removed, untold, unrecorded, open }: Untold): string[] => [
  ...(removed > 0 ? [`${removed} more had been removed by retention`] : []),
  ...(untold > 0 ? [`${untold} told nothing`] : []),
  ...(unrecorded > 0 ? [`${unrecorded} asked for what had not been recorded, and were refused`] : []),
  ...(open > 0 ? [`${open} were not over in time`] : []),
];

/** Where there was nothing to replay. */
export const noTasksText = ({ sinceMs }: Pick<ReplayStage, 'sinceMs'>, removed: number): string => {
  const days = Math.round(sinceMs / 8_640_000) / 10;
  const why = removed > 0 ? `, and ${removed} more had been removed by retention` : '';
  return `the incumbent did no task in the last ${days} days that could be replayed${why}`;
};
