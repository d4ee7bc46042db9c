/** Asks people, takes their word, and sees how far agents are trusted. */
import { refusalOf, type Memo, type Refusal, type Vote } from '../../domain/approval/memo';
import { stepOf, type RunState } from '../../domain/run';
import type { EngineDeps } from '../context';
import type { Applied, Runs } from '../runs';
import { memoMessage } from './message';

type Deps = Pick<EngineDeps, 'store' | 'clock' | 'log' | 'outbox' | 'publicUrl'>;

/** Votes that came between are looked at anew so often. */
const MAX_TRIES = 5;
/** Open memos that a sweep sees to being told of. */
const MAX_OPEN = 200;
/** What this process knows to be told; the outbox tells nothing twice. */
const MAX_TOLD = 10_000;

export type Decided =
  { kind: 'decided'; memo: Memo } | { kind: 'refused'; why: Refusal } | { kind: 'unknown' };

export interface Decision {
  approve: boolean;
  comment?: string;
}

export class Approvals {
  private readonly told = new Set<string>();

  constructor(
    private readonly deps: Deps,
    private readonly runs: Pick<Runs, 'apply'>,
  ) {}

  /** A person's word on a memo. */
  async decide(memoId: string, vote: Vote): Promise<Decided> {
    const known = await this.deps.store.memo(memoId);
    if (!known) return { kind: 'unknown' };
    const { runId, stepId, attempt } = known;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      // Not from memory: another orchestrator may have taken a word meanwhile.
      const memo = memoOf((await this.deps.store.run(runId))?.state, stepId, memoId);
      if (!memo) return { kind: 'refused', why: 'decided' };
      const why = refusalOf(memo, vote, this.deps.clock.now());
      if (why) return { kind: 'refused', why };
      const event = { type: 'vote', stepId, attempt, vote } as const;
      const { outcome, state } = await this.runs.apply(runId, event, { actor: vote.by });
      const decided = outcome === 'changed' ? memoOf(state, stepId, memoId) : undefined;
      if (decided) return { kind: 'decided', memo: decided };
    }
    throw new Error(`approval ${memoId}: other words came in between ${MAX_TRIES} times`);
  }

  /** A person's word on what a step waits for, whatever that is just now. */
  async decideStep(
    runId: string,
    stepId: string,
    { approve, comment }: Decision,
    who: Pick<Vote, 'by' | 'owner'>,
  ): Promise<Applied & { refused?: Refusal }> {
    const run = (await this.deps.store.run(runId))?.state;
    if (!run) return { outcome: 'unknown-run' };
    const { memo } = stepOf(run, stepId) ?? {};
    if (!memo) return { outcome: 'unchanged', state: run };
    const verdict = approve ? ('approve' as const) : ('reject' as const);
    const decided = await this.decide(memo.id, {
      ...who,
      verdict,
      ...(comment !== undefined && { comment }),
    });
    if (decided.kind === 'decided') return { outcome: 'changed', state: run };
    const why = decided.kind === 'refused' ? { refused: decided.why } : {};
    return { outcome: 'unchanged', state: run, ...why };
  }

  /** Tells people of a memo as it is now; of each change once, whoever tells and how often. */
  async tell(memo: Memo): Promise<void> {
    const { store, outbox, publicUrl = '' } = this.deps;
    const message = memoMessage(memo, publicUrl);
    if (!outbox || this.told.has(message.key)) return;
    await store.addNotifications(outbox.rows(message));
    outbox.poke();
    if (this.told.size >= MAX_TOLD) this.told.clear();
    this.told.add(message.key);
  }

  /** Those that wait and that nobody is known to have told of: whoever should have may be gone. */
  async sweep(): Promise<void> {
    if (!this.deps.outbox) return;
    const { items } = await this.deps.store.memos({ state: 'requested' }, MAX_OPEN);
    for (const memo of items) await this.tell(memo);
  }
}

function memoOf(run: RunState | undefined, stepId: string, memoId: string): Memo | undefined {
  const memo = run && stepOf(run, stepId)?.memo;
  return memo?.id === memoId ? memo : undefined;
}
