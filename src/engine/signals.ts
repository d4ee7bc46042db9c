/** What steps wait for without an agent: events. */
import type { AgentRunResult } from '../contract';
import type { RunCommand } from '../domain/decide-run';
import { stepOf, type RunState } from '../domain/run';
import type { NewEvent, StoredEvent } from '../store/store';
import type { EngineDeps } from './context';
import type { Runs } from './runs';
import { severally } from './severally';

/** Waits served in one go; the sweeper takes the event up again until none is left. */
const MAX_WAITS = 1_000;
/** How long the process that took an event has to deliver it before another does. */
const DELIVER_WITHIN_MS = 15_000;
const MAX_UNDELIVERED = 100;

/** What became of an event. */
export interface Announced {
  /** How many steps waited for it. */
  delivered: number;
  /** The runs it started. */
  started: string[];
}

type Outcome = Pick<AgentRunResult, 'status' | 'output' | 'error'>;

export class Signals {
  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
    /** Starts the workflows that listen for an event; again without harm. */
    private readonly start: (event: StoredEvent) => Promise<string[]>,
  ) {}

  /** Keeps an event, gives it to the steps that wait for it, and starts what listens for it. */
  async announce(event: NewEvent, actor: string): Promise<Announced> {
    const at = this.deps.clock.now();
    const { id, name, key } = event;
    const entry = { at, actor, action: 'event.received', entity: 'event', id, set: { name, key } } as const;
    await this.deps.store.commit({ at, event, ledger: [entry] });
    return this.deliver({ ...event, at });
  }

  /** Events whose delivery was cut short. */
  async sweep(): Promise<void> {
    const before = this.deps.clock.now() - DELIVER_WITHIN_MS;
    const events = await this.deps.store.undelivered(before, MAX_UNDELIVERED);
    await severally(events.map((event) => [`event ${event.id}`, () => this.deliver(event)]));
  }

  /** A step began to wait: what it waits for may have come since its run began. */
  async look(run: RunState, { stepId, attempt }: Extract<RunCommand, { type: 'look' }>): Promise<void> {
    const wait = await this.deps.store.waitOf(run.id, stepId, attempt);
    if (!wait) return;
    const event = await this.deps.store.firstEvent(wait.name, wait.key, run.createdAt);
    if (event) await this.give(run.id, stepId, attempt, event);
  }

  private async deliver(event: StoredEvent): Promise<Announced> {
    const started = await this.start(event);
    const waits = await this.deps.store.waitsFor(event.name, event.key, MAX_WAITS);
    for (const { runId, stepId, attempt } of waits) await this.give(runId, stepId, attempt, event);
    if (waits.length < MAX_WAITS) {
      await this.deps.store.commit({ at: this.deps.clock.now(), delivered: event.id, ledger: [] });
    }
    return { delivered: waits.length, started };
  }

  private async give(runId: string, stepId: string, attempt: number, event: StoredEvent): Promise<void> {
    const run = (await this.runs.get(runId))?.state;
    // An event from before the run is not what it waits for.
    if (!run || event.at < run.createdAt) return;
    const outcome: Outcome = { status: 'success', output: event.payload };
    await this.settle(run, stepId, attempt, outcome, `event:${event.name}`);
  }

  private settle(run: RunState, stepId: string, attempt: number, outcome: Outcome, actor: string) {
    const waitedSince = stepOf(run, stepId)?.requestedAt ?? this.deps.clock.now();
    const durationMs = this.deps.clock.now() - waitedSince;
    const result = { workflowId: run.workflowId, stepId, runId: run.id, attempt, durationMs, ...outcome };
    return this.runs.apply(
      run.id,
      { type: 'result', stepId, attempt, result },
      { result: { stepId, attempt, result }, actor },
    );
  }
}
