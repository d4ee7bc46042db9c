/** The definition of a compatible agent, in the order in which it is checked. */
import type { Check } from '../check';
import { BUSY } from './busy';
import { DELIVERY } from './delivery';
import { FIRST_JOB } from './first-job';
import { READING } from './reading';
import { REQUESTS } from './requests';

export const CHECKS: readonly Check[] = [...READING, ...FIRST_JOB, ...REQUESTS, ...DELIVERY, ...BUSY];

/** The checks of these ids and those they need, in order. @throws Error that names an unknown id */
export function selectChecks(ids: readonly string[]): readonly Check[] {
  const wanted = new Set<string>();
  const want = (id: string): void => {
    const check = CHECKS.find((c) => c.id === id);
    if (!check) throw new Error(`there is no check ${id}; there are ${CHECKS.map((c) => c.id).join(', ')}`);
    if (wanted.has(id)) return;
    wanted.add(id);
    check.needs?.forEach(want);
  };
  ids.forEach(want);
  return CHECKS.filter((check) => wanted.has(check.id));
}
