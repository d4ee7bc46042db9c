/**
 * Many runs started again: chosen when it is asked for, begun a few at a time by whoever sweeps, each once.
 * A crash delays it, and loses and doubles nothing.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../domain/canonical-json';
import { planRerun, type RerunFrom, type RerunPlan } from '../../domain/rerun';
import type { RunState } from '../../domain/run';
import type { ReplayOutcome, ReplayRecord, ReplayRequest } from '../../store/replays';
import type { EngineDeps } from '../context';
import { derivedId } from '../derived-id';
import type { Tasks } from '../tasks';
import type { Triggers } from '../trigger';

/** Runs of one replay at most. */
export const MAX_REPLAYED = 1_000;
/** Runs looked at for those that fit. */
const MAX_SCANNED = 10_000;
const PAGE = 200;
/** Runs begun in one pass of the sweeper: what bounds the rate. */
const BATCH = 20;
/** How long a pass may take before another takes the replay up. */
const CLAIM_MS = 30_000;
const MAX_AT_ONCE = 5;

/** What a replay would do with a run. */
export interface Planned {
  run: RunState;
  plan: RerunPlan;
}

export interface Selection {
  /** Oldest first. */
  planned: Planned[];
  /** Whether others fit too, beyond the limit. */
  more: boolean;
}

export type ReplayResult =
  | { kind: 'started' | 'repeated'; replay: ReplayRecord }
  /** The idempotency key was used with another request. */
  | { kind: 'key-reused' };

export class Replays {
  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock' | 'newId' | 'performing'>,
    private readonly triggers: Triggers,
    private readonly tasks: Tasks,
  ) {}

  /** Which runs a request means, and what would become of each. Changes nothing. */
  async preview(request: ReplayRequest): Promise<Selection> {
    const { errorKind, ...filter } = request.filter;
    const found: RunState[] = [];
    let cursor: string | undefined;
    for (let scanned = 0; scanned < MAX_SCANNED && found.length <= request.limit; scanned += PAGE) {
      const page = await this.deps.store.runs(filter, PAGE, cursor);
      found.push(...page.items.filter((r) => errorKind === undefined || r.error?.kind === errorKind));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    const from = startOf(request.fromStep);
    const chosen = found.slice(0, request.limit).reverse();
    return {
      planned: chosen.map((run) => ({ run, plan: planRerun(run, from) })),
      more: found.length > request.limit,
    };
  }

  async start(
    request: ReplayRequest,
    { actor, idempotencyKey }: { actor: string; idempotencyKey?: string },
  ): Promise<ReplayResult> {
    const fingerprint = createHash('sha256').update(canonicalJson(request)).digest('hex');
    const id = this.deps.newId();
    const { planned } = await this.preview(request);
    const runIds = planned.map(({ run }) => run.id);
    const createdAt = this.deps.clock.now();
    const key = idempotencyKey ?? id;
    const replay = await this.deps.store.addReplay({
      id,
      key,
      fingerprint,
      actor,
      createdAt,
      request,
      runIds,
    });
    if (replay.fingerprint !== fingerprint) return { kind: 'key-reused' };
    if (replay.id !== id) return { kind: 'repeated', replay };
    await this.note(replay);
    if (this.deps.performing) this.tasks.spawn('replay', () => this.sweep());
    return { kind: 'started', replay };
  }

  /** Begins the next runs of what is not finished. */
  async sweep(): Promise<void> {
    const now = this.deps.clock.now();
    for (const replay of await this.deps.store.claimReplays(now, now + CLAIM_MS, MAX_AT_ONCE)) {
      await this.goOn(replay);
    }
  }

  private async goOn(replay: ReplayRecord): Promise<void> {
    const done = replay.outcomes.length;
    const outcomes: ReplayOutcome[] = [];
    for (const runId of replay.runIds.slice(done, done + BATCH)) {
      outcomes.push(await this.rerun(replay, runId));
    }
    const isOver = done + outcomes.length >= replay.runIds.length;
    const finishedAt = isOver ? this.deps.clock.now() : undefined;
    await this.deps.store.progressReplay(replay.id, done, outcomes, finishedAt);
  }

  private async rerun({ id, actor, request }: ReplayRecord, runId: string): Promise<ReplayOutcome> {
    const options = { actor, id: derivedId('replay', id, runId) };
    const result = await this.triggers.rerun(runId, { from: startOf(request.fromStep) }, options);
    if ('runId' in result) return { kind: 'started', runId: result.runId };
    return { kind: 'skipped', reason: whyNot(result) };
  }

  private async note({ id, actor, runIds, createdAt: at, request }: ReplayRecord): Promise<void> {
    const set = { runs: runIds.length, fromStep: request.fromStep };
    const entry = { at, actor, action: 'replay.started', entity: 'replay', id, set } as const;
    await this.deps.store.commit({ at, ledger: [entry] });
  }
}

function startOf(fromStep: string): RerunFrom {
  if (fromStep === 'failed') return { at: 'unfinished' };
  return fromStep === 'start' ? { at: 'start' } : { at: 'step', stepId: fromStep };
}

const REASONS: Record<string, string> = {
  'not-over': 'it is still under way',
  'unknown-step': 'it has no such step',
  'unknown-run': 'it was removed',
  'payloads-gone': 'its input and outputs were removed',
};

/** Why a run cannot be started again, in words. */
export const whyNot = (result: { kind: string; stepId?: string }): string =>
  result.stepId === undefined
    ? (REASONS[result.kind] ?? result.kind)
    : `step ${result.stepId}, which comes before, left no output to take over`;
