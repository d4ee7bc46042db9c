/** Bugs that an engine like this one is known to have. Each is planted by itself, and has to be caught. */
import { leases, repairs } from './capsules';
import { flow, triggers } from './flow';
import { record, results, steps } from './runs';
import type { Bug } from './bug';

export const BUGS: readonly Bug[] = [
  ...record,
  ...results,
  ...steps,
  ...leases,
  ...repairs,
  ...flow,
  ...triggers,
];
