/** The one way a capsule changes: load, decide, commit, then act. Events of one capsule queue up. */
import {
  reasonsAwake,
  decideCapsule,
  type CapsuleCommand,
  type CapsuleContext,
  type CapsuleDecision,
  type CapsuleEvent,
} from '../domain/decide-capsule';
import type { CapsuleState } from '../domain/capsule';
import type { CapsuleView } from '../domain/decide-run';
import { change as changed, projectCapsule } from '../domain/ledger';
import type { CapsuleRecord, Change } from '../store/store';
import type { EngineDeps } from './context';
import { KeyedMutex, type Tasks } from './tasks';

export type CapsuleCommandHandler = (capsule: CapsuleState, command: CapsuleCommand) => Promise<unknown>;

interface ApplyOptions {
  /** A command that the caller performs itself. */
  withhold?: CapsuleCommand['type'];
  /** What the caller has just read; if it is old by now, the commit conflicts and it is read again. */
  loaded?: CapsuleRecord;
  /** Who asked for it, for the ledger; the engine itself unless said. */
  actor?: string;
}

export class Capsules {
  /** The last word on each capsule; a stale one costs a conflict, never a wrong lease. */
  private readonly known = new Map<string, CapsuleRecord>();
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly deps: EngineDeps,
    private readonly tasks: Tasks,
    private readonly perform: CapsuleCommandHandler,
    /** When work for a capsule is known to come next, if any is. */
    private readonly nextWorkAt: (capsuleId: string) => number | undefined = () => undefined,
  ) {}

  /** A capsule that serves an agent, the main one unless another is named, for a run's decision. */
  view(agentId: string, direct: boolean, named?: string): CapsuleView {
    const capsuleId = named ?? this.deps.registry.agent(agentId).capsuleId;
    const capsule = this.known.get(capsuleId)?.state;
    if (!direct || capsule?.status !== 'awake') return { capsuleId };
    const { generation, bootId } = capsule;
    return { capsuleId, awake: { generation, ...(bootId !== undefined && { bootId }) } };
  }

  /** The last known state, without asking the store. */
  peek(id: string): CapsuleState | undefined {
    return this.known.get(id)?.state;
  }

  async load(id: string): Promise<CapsuleRecord | undefined> {
    const record = await this.deps.store.capsule(id);
    if (record) this.known.set(id, record);
    return record;
  }

  /** Every capsule, as the store has it now. */
  async all(): Promise<CapsuleRecord[]> {
    const records = await this.deps.store.capsules();
    for (const record of records) this.known.set(record.state.id, record);
    return records;
  }

  /** Why a capsule is awake; empty if nothing keeps it so. */
  async reasonsAwake(id: string): Promise<string[]> {
    const record = await this.load(id);
    return record ? reasonsAwake(record.state, this.context(record)) : [];
  }

  /** Applies an event. Answers the state after it, and whether it changed anything. */
  apply(
    id: string,
    event: CapsuleEvent,
    options: ApplyOptions = {},
  ): Promise<{ state: CapsuleState; changed: boolean }> {
    return this.mutex.run(id, () => this.applyNow(id, event, options));
  }

  private async applyNow(id: string, event: CapsuleEvent, { withhold, loaded, actor }: ApplyOptions) {
    for (let attempt = 0; attempt < this.deps.limits.maxConflicts; attempt += 1) {
      const record = attempt === 0 && loaded ? loaded : await this.load(id);
      if (!record) throw new Error(`capsule ${id} is not declared`);
      const decision = decideCapsule(record.state, event, this.context(record));
      if (!decision.changed) return { state: record.state, changed: false };
      const committed = await this.deps.store.commit(this.change(record, decision, event, actor));
      if (committed.ok) {
        this.committed(decision, record, withhold);
        return { state: decision.state, changed: true };
      }
      // A lease came first: it stays awake. A guard came first: it stays asleep.
      if (committed.conflict === 'busy' || committed.conflict === 'held')
        return { state: record.state, changed: false };
    }
    throw new Error(`capsule ${id}: lost ${this.deps.limits.maxConflicts} races in a row`);
  }

  private context({ state, activity }: CapsuleRecord): CapsuleContext {
    const { clock, limits, registry, performing } = this.deps;
    const { linger, lingerSeconds, wakeTimeoutSeconds, alternatives } = registry.agent(state.agentId);
    const nextWorkAt = linger === 'break-even' ? this.nextWorkAt(state.id) : undefined;
    return {
      now: clock.now(),
      limits,
      activity,
      performing,
      lingerMs: lingerSeconds * 1_000,
      ...(linger === 'break-even' && { breakEven: { ...(nextWorkAt !== undefined && { nextWorkAt }) } }),
      wakeTimeoutMs: wakeTimeoutSeconds * 1_000,
      ...(alternatives && { hasAlternatives: true }),
    };
  }

  private change(
    record: CapsuleRecord,
    decision: CapsuleDecision,
    event: CapsuleEvent,
    actor = 'engine',
  ): Change {
    const at = this.deps.clock.now();
    const { state, unless, shift } = decision;
    const difference = changed(projectCapsule(record.state), projectCapsule(state));
    const reason = 'reason' in event ? event.reason : undefined;
    // Claims and read-backs that change nothing people would ask about leave no entry.
    const told = Object.keys(difference.set).length > 0;
    return {
      at,
      capsule: {
        expect: record.version,
        state,
        ...(unless && { unless }),
        ...(shift && { shift }),
        ...(event.type === 'prewarmed' && 'workflowId' in event.for && { workflowId: event.for.workflowId }),
      },
      ledger: told
        ? [
            {
              at,
              actor,
              action: `capsule.${event.type}`,
              entity: 'capsule',
              id: state.id,
              ...difference,
              ...(reason !== undefined && { reason }),
            },
          ]
        : [],
    };
  }

  private committed(
    decision: CapsuleDecision,
    record: CapsuleRecord,
    withhold?: CapsuleCommand['type'],
  ): void {
    const { state } = decision;
    this.known.set(state.id, { ...record, state, version: record.version + 1 });
    this.deps.events.emit('capsule', state);
    if (!this.deps.performing) {
      this.tasks.spawn('hand over', () => this.deps.queue.hint({ kind: 'capsule', id: state.id }, 0));
      return;
    }
    for (const command of decision.commands) {
      if (command.type !== withhold)
        this.tasks.spawn(`capsule ${command.type}`, () => this.perform(state, command), {
          capsule: state.id,
        });
    }
  }
}
