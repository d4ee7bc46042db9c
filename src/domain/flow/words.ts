/** Flow control in words. */
import type { Gate, Rate } from './rules';

/** Ids named in one sentence. */
const MAX_NAMED = 3;

/** `2 runs of workflow audit with site "a"`: what a gate lets be under way. */
export function gateText({ id, limit, of }: Pick<Gate, 'id' | 'limit' | 'of'>): string {
  const workflow = id.split('|')[0] ?? id;
  return `${limit} ${limit === 1 ? 'run' : 'runs'} of workflow ${workflow}${of === undefined ? '' : ` with ${of}`}`;
}

export function rateText(
  { limit, perMs, of }: Pick<Rate, 'limit' | 'perMs' | 'of'>,
  workflowId: string,
): string {
  const which = `workflow ${workflowId}${of === undefined ? '' : ` with ${of}`}`;
  return `as many runs of ${which} as its rate allows (${limit} in ${perMs / 1_000} s)`;
}

/** `run …, run … and 4 more`. */
export function runsText(ids: readonly string[]): string {
  if (ids.length === 0) return 'runs that have just ended';
  const named = ids.slice(0, MAX_NAMED).map((id) => `run ${id}`);
  const more = ids.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}

export const timeText = (ms: number | undefined): string =>
  ms === undefined ? 'a time that is not set' : new Date(ms).toISOString();
