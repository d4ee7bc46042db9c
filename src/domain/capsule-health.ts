/** The rules of a capsule whose agent has alternatives: whether it is passed over. */
import type { CapsuleState } from './capsule';
import type { CapsuleContext, CapsuleDecision, CapsuleEvent } from './capsule-events';
import { changed, unchanged, without } from './capsule-moves';
import { tried, unwellAfter } from './failover';

export function health(
  capsule: CapsuleState,
  event: Extract<CapsuleEvent, { type: 'unwell' | 'tried' | 'well' }>,
  { now, hasAlternatives = false }: CapsuleContext,
): CapsuleDecision {
  if (!hasAlternatives) return unchanged(capsule);
  if (event.type === 'unwell') {
    const { reason } = event;
    return changed({ ...capsule, unwell: unwellAfter(capsule.unwell, { cause: 'provider', reason }, now) });
  }
  if (!capsule.unwell) return unchanged(capsule);
  if (event.type === 'well') return changed(without(capsule, 'unwell'));
  const trial = tried(capsule.unwell, now);
  return trial ? changed({ ...capsule, unwell: trial }) : unchanged(capsule);
}

/** An answer cures what could not be woken; who asks a provider in vain answers all the same. */
export const curedBy = ({ unwell }: CapsuleState): Array<'unwell'> =>
  unwell?.cause === 'wake' ? ['unwell'] : [];
