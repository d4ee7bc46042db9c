/** Flow control in words. */
import type { Gate } from './rules';

/** `2 runs of workflow audit with site "a"`: what a gate lets be under way. */
export function gateText({ id, limit, of }: Pick<Gate, 'id' | 'limit' | 'of'>): string {
  const workflow = id.split('|')[0] ?? id;
  return `${limit} ${limit === 1 ? 'run' : 'runs'} of workflow ${workflow}${of === undefined ? '' : ` with ${of}`}`;
}
