/**
 * Group commit: changes that arrive while a commit is under way go together in the next one, so
 * that a busy orchestrator pays one round trip and one fsync for many transitions. Under load the next one
 * already waits at the end of the ledger for the one before: Postgres need not wait for this process to read
 * an answer before it has work again.
 */
import { DatabaseError, type Pool, type QueryConfig } from 'pg';
import { ledgerBody } from '../../domain/ledger';
import { replaceUnstorable, storableJson } from '../json';
import type { Change, CommitResult, Conflict, Freed, RunChange } from '../store';
import { planHash } from './plans';

/** Changes in one batch at most: keeps a batch within a few milliseconds. */
const MAX_BATCH = 64;
/** Batches under way at once. */
const MAX_UNDER_WAY = 2;
/** Changes that are worth a second batch: smaller ones cost in round trips and fsyncs what the overlap saves. */
const WORTH_A_SECOND = 16;
/** Commits take milliseconds: what takes so long waits for somebody who hangs, and holds up everybody behind it. */
const COMMIT_MS = 10_000;

interface Waiting {
  change: Change;
  resolve: (result: CommitResult) => void;
  reject: (error: unknown) => void;
}

type Answer = { freed: Freed[] } | { conflict: Conflict; existing?: { runId: string; fingerprint: string } };

export class GroupCommit {
  private readonly queue: Waiting[] = [];
  private underWay = 0;
  private scheduled = false;

  /** @param deadlineMs what one commit may take */
  constructor(
    private readonly pool: Pool,
    private readonly deadlineMs = COMMIT_MS,
  ) {}

  commit(change: Change): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.queue.push({ change, resolve, reject });
      if (!this.scheduled && this.isDue()) this.schedule();
    });
  }

  /** Lets what the same turn of the event loop produces join the batch. */
  private schedule(): void {
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.begin();
    });
  }

  private isDue(): boolean {
    const { queue, underWay } = this;
    return underWay < MAX_UNDER_WAY && queue.length >= (underWay === 0 ? 1 : WORTH_A_SECOND);
  }

  private begin(): void {
    while (this.isDue()) {
      this.underWay += 1;
      void this.send(this.queue.splice(0, MAX_BATCH)).then(() => {
        this.underWay -= 1;
        this.begin();
      });
    }
  }

  /** Never rejects: whoever waits for one of its changes is told. */
  private async send(batch: Waiting[]): Promise<void> {
    try {
      const answers = await this.call(batch.map((w) => w.change));
      batch.forEach((w, i) => w.resolve(toResult(answers[i] as Answer)));
    } catch (error) {
      // One bad change must not fail its neighbours: each is tried alone, once. Not when the server is
      // at fault, though: then each would only wait for the same failure.
      if (batch.length > 1 && isRefusal(error)) for (const w of batch) await this.send([w]);
      else for (const w of batch) w.reject(failed(error));
    }
  }

  private async call(changes: Change[]): Promise<Answer[]> {
    const { rows } = await this.pool.query<{ answers: Answer[] }>({
      name: 'commit_changes',
      text: 'SELECT commit_changes($1::jsonb) AS answers',
      values: [storableJson(changes.map(toRow))],
      query_timeout: this.deadlineMs,
    } as QueryConfig);
    return rows[0]?.answers ?? [];
  }
}

/** SQLSTATE classes that speak of the connection or the server, not of what was sent. */
const SERVER_TROUBLE = /^(08|53|57|58|XX)/;

const isRefusal = (error: unknown): boolean =>
  error instanceof DatabaseError && !SERVER_TROUBLE.test(error.code ?? 'XX');

const failed = (cause: unknown): Error => new Error(`commit failed: ${(cause as Error).message}`, { cause });

const toRow = (change: Change): unknown => ({
  ...change,
  ...(change.run && { run: runRow(change.run) }),
  ...(change.capsule && { capsule: { ...change.capsule, id: change.capsule.state.id } }),
  ledger: change.ledger.map((entry) => ({
    entity: entry.entity,
    id: entry.id,
    body: replaceUnstorable(ledgerBody(entry)),
  })),
});

/** The plan goes along once, with the run's creation; a transition carries the rest. */
function runRow({ state, ...change }: RunChange): unknown {
  const { plan, ...rest } = state;
  const row = { ...change, id: state.id, state: rest };
  return change.expect === 0 ? { ...row, plan, planHash: planHash(plan) } : row;
}

const toResult = (answer: Answer): CommitResult =>
  'conflict' in answer ? { ok: false, ...answer } : { ok: true, freed: answer.freed };
