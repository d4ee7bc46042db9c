/** Children: the runs that do a step's work, one for each member of a list. One letter tells of each. */
import { valueAt, type RunData } from './condition';
import type { ForEach } from './plan';

/** `.` not begun, `r` under way, `s` succeeded, `f` failed or cancelled. */
export type Outcomes = string;

export const CHILD_STATES = { open: '.', running: 'r', succeeded: 's', failed: 'f' } as const;
export type ChildEnd = 'succeeded' | 'failed';

/** How many children a list asks for. A text says why that cannot be told. */
export function childCount({ items, maxItems }: ForEach, data: RunData): number | string {
  const list = valueAt(data, items);
  const path = typeof items === 'string' ? items : items.join('.');
  if (!Array.isArray(list)) return `forEach: there is no list at ${path}`;
  if (list.length <= maxItems) return list.length;
  return `forEach: the list at ${path} has ${list.length} members, ${maxItems} are allowed`;
}

export const countOf = (outcomes: Outcomes, state: string): number => outcomes.split(state).length - 1;

/** The places of children in a state. */
export const placesOf = (outcomes: Outcomes, state: string): number[] =>
  [...outcomes].flatMap((s, i) => (s === state ? [i] : []));

export const withOutcome = (outcomes: Outcomes, index: number, state: string): Outcomes =>
  outcomes.slice(0, index) + state + outcomes.slice(index + 1);

/** Begins as many as may be under way at once. */
export function begin(outcomes: Outcomes, concurrency: number): Outcomes {
  let free = concurrency - countOf(outcomes, CHILD_STATES.running);
  return outcomes.replace(/\./g, (open) => (free-- > 0 ? CHILD_STATES.running : open));
}
