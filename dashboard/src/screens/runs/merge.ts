import type { RunSummary } from '../../api/types';

/** A fresh first page over what was there: what it spans is replaced, what comes after stays. */
export function withFirstPage(
  old: readonly RunSummary[],
  page: readonly RunSummary[],
): readonly RunSummary[] {
  const last = page.at(-1);
  const known = new Set(page.map(({ id }) => id));
  const after = last ? old.filter((run) => !known.has(run.id) && run.createdAt <= last.createdAt) : [];
  return [...page, ...after];
}
