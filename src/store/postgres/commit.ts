/**
 * Group commit: changes that arrive while a commit is under way go together in the next one, so
 * that a busy orchestrator pays one round trip and one fsync for many transitions.
 */
import type { Pool } from 'pg';
import { ledgerBody } from '../../domain/ledger';
import type { Change, CommitResult, Conflict, Freed } from '../store';

/** Changes in one batch at most: keeps a batch within a few milliseconds. */
const MAX_BATCH = 64;

interface Waiting {
  change: Change;
  resolve: (result: CommitResult) => void;
  reject: (error: unknown) => void;
}

type Answer = { freed: Freed[] } | { conflict: Conflict; existing?: { runId: string; fingerprint: string } };

export class GroupCommit {
  private readonly queue: Waiting[] = [];
  private flushing = false;

  constructor(private readonly pool: Pool) {}

  commit(change: Change): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.queue.push({ change, resolve, reject });
      if (!this.flushing) void this.flush();
    });
  }

  private async flush(): Promise<void> {
    this.flushing = true;
    // Lets what the same turn of the event loop produced join the first batch.
    await new Promise((next) => setImmediate(next));
    while (this.queue.length > 0) await this.send(this.queue.splice(0, MAX_BATCH));
    this.flushing = false;
  }

  private async send(batch: Waiting[]): Promise<void> {
    try {
      const answers = await this.call(batch.map((w) => w.change));
      batch.forEach((w, i) => w.resolve(toResult(answers[i] as Answer)));
    } catch (error) {
      // One bad change must not fail its neighbours: each is tried alone, once.
      if (batch.length > 1) for (const w of batch) await this.send([w]);
      else batch[0]?.reject(new Error(`commit failed: ${(error as Error).message}`, { cause: error }));
    }
  }

  private async call(changes: Change[]): Promise<Answer[]> {
    const { rows } = await this.pool.query<{ answers: Answer[] }>({
      name: 'commit_changes',
      text: 'SELECT commit_changes($1::jsonb) AS answers',
      values: [JSON.stringify(changes.map(toRow))],
    });
    return rows[0]?.answers ?? [];
  }
}

const toRow = (change: Change): unknown => ({
  ...change,
  ...(change.run && { run: { ...change.run, id: change.run.state.id } }),
  ...(change.capsule && { capsule: { ...change.capsule, id: change.capsule.state.id } }),
  ledger: change.ledger.map(ledgerBody),
});

const toResult = (answer: Answer): CommitResult =>
  'conflict' in answer ? { ok: false, ...answer } : { ok: true, freed: answer.freed };
