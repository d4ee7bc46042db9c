/** A candidate in the incumbent's shadow: each task that the incumbent ends is done once more by the candidate. */
import {
  compareAll,
  COMPARISON_RULES,
  outcomesOf,
  verdictOf,
  type DeliveredPair,
} from '../../domain/rollout/compare-work';
import type { Rollout } from '../../domain/rollout/rollout';
import type { Stage } from '../../domain/rollout/strategy';
import type { EngineDeps } from '../context';
import { isComparable, type Copies } from './copies';
import type { Found } from './stages';

/** Tasks copied in one stage at most. */
const MAX_COPIES = 200;

type ShadowStage = Extract<Stage, { kind: 'shadow' }>;

export class Shadow {
  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock'>,
    private readonly copies: Copies,
  ) {}

  async look(rollout: Rollout, stage: ShadowStage): Promise<Found | undefined> {
    const { store, clock } = this.deps;
    const { incumbent, stageSince = clock.now() } = rollout;
    if (incumbent === undefined)
      return { verdict: 'inconclusive', reason: 'there is no release to compare it with' };
    const work = (await store.workOfRelease(incumbent, MAX_COPIES, stageSince)).filter(isComparable);
    const pairs: DeliveredPair[] = [];
    for (const task of work) {
      const copied = await this.copies.look(rollout, task);
      if (copied.kind === 'none') await this.copies.begin(rollout, task);
      if (copied.kind === 'done') pairs.push(copied.pair);
    }
    const { tolerance = COMPARISON_RULES.tolerance } = stage;
    const compared = compareAll(pairs, stage.compare, { ...COMPARISON_RULES, tolerance });
    const isOver = clock.now() >= stageSince + stage.forMs;
    const failed = compared.some((c) => c.judgement.verdict === 'fail');
    const report = { compared, outcomes: outcomesOf(pairs) };
    return isOver || failed ? { ...verdictOf(compared), report } : undefined;
  }
}
