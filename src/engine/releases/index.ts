/**
 * Which release does a step's work, and the pointers that say so. Environments are few and are kept in mind; a
 * copy is never used when it is older than {@link FRESH_MS}, so that a rollback anywhere holds everywhere by then.
 */
import type { AgentRunRequest } from '../../contract';
import type { CapsuleState } from '../../domain/capsule';
import { change as changed, type LedgerEntry } from '../../domain/ledger';
import type { AgentStep } from '../../domain/plan';
import { choose, stickyKey } from '../../domain/release/choose';
import {
  changeEnvironment,
  environmentId,
  newEnvironment,
  projectEnvironment,
  type Environment,
  type EnvironmentChange,
  type EnvironmentDecision,
} from '../../domain/release/environment';
import { instanceOf, withInstances } from '../../domain/release/placement';
import type { PlacedRelease } from '../../domain/run-events';
import type { RunState } from '../../domain/run';
import { releaseCapsulesOf } from '../../registry/capsules';
import type { EngineDeps } from '../context';
import type { Tasks } from '../tasks';
import { Failover } from '../failover';
import { WorkNotes, type Told } from './work';

/** Less than a second with everything that follows, as a rollback is to hold within one. */
const FRESH_MS = 500;
/** Pointers are read so often for one decision at most; slower than that, it goes by the last answer. */
const MAX_READS = 3;
/** A change that lost so many races is given up. */
const MAX_RACES = 10;

export interface By {
  /** For the ledger. */
  actor: string;
  /** The person behind it. */
  owner?: string;
  reason?: string;
}

type Deps = Pick<EngineDeps, 'store' | 'clock' | 'registry' | 'log' | 'limits' | 'environment'>;

export class Releases {
  private readonly known = new Map<string, Environment>();
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;
  private readonly notes: WorkNotes;
  /** Where an agent with alternatives has its work done. */
  readonly failover: Failover;
  /** A capsule as last seen. */
  capsuleSeen: (id: string) => CapsuleState | undefined = () => undefined;
  /** Called when work of an agent with a candidate was noted as over. */
  onWork: (agentId: string) => void = () => undefined;

  constructor(
    private readonly deps: Deps,
    tasks: Tasks,
  ) {
    this.failover = new Failover(deps, {
      capsule: (id) => this.capsuleSeen(id),
      environment: (agentId) => this.peek(agentId),
    });
    this.notes = new WorkNotes(deps, tasks, (agentId) => this.onWork(agentId));
  }

  /** The environment whose pointers this installation works by. */
  get environment(): string {
    return this.deps.environment ?? 'development';
  }

  /** The environment of an agent that is worked by, as last read. */
  peek(agentId: string): Environment | undefined {
    return this.known.get(agentId);
  }

  /** Looks for environments of agents that had none. */
  async sweep(): Promise<void> {
    await this.read();
  }

  /** Whether any agent is known to have releases. */
  get areUsed(): boolean {
    return this.known.size > 0;
  }

  /** Notes the ends that nobody saw. */
  reconcile(): Promise<void> {
    return this.notes.reconcile();
  }

  /** Before a run is decided about: reads the pointers again if they are old. Free for agents without releases. */
  async prepare(run: RunState): Promise<void> {
    if (this.known.size === 0 || !agentsOf(run).some((id) => this.known.has(id))) return;
    // An answer may be old when it comes: asked for by another before, or in a process that was frozen meanwhile.
    for (
      let reads = 0;
      reads < MAX_READS && (!this.isFresh() || (reads < 2 && this.isBehind(run)));
      reads += 1
    )
      await this.read();
  }

  /** A clock that was set back tells nothing of the age. */
  private isFresh(): boolean {
    const age = this.deps.clock.now() - this.readAt;
    return age >= 0 && age <= FRESH_MS;
  }

  /** Whether a run works with a release that another process has placed since the pointers were read. */
  private isBehind({ plan, steps }: RunState): boolean {
    return steps.some(({ releaseId }, i) => {
      const step = plan[i];
      const env = step?.kind === 'agent' ? this.known.get(step.agentId) : undefined;
      return (
        releaseId !== undefined && env !== undefined && !env.instances.some((x) => x.releaseId === releaseId)
      );
    });
  }

  /** Whether the choice for a run takes its input. */
  readsInput(run: RunState): boolean {
    if (this.known.size === 0) return false;
    return agentsOf(run).some((id) => {
      const env = this.known.get(id);
      return env?.candidate !== undefined && env.policy.stickyBy !== undefined;
    });
  }

  /**
   * The release that does an agent's work for a run.
   * @param before what did it until now: stays, unless it has been rolled back
   */
  of(
    agentId: string,
    before: string | undefined,
    { id, trigger }: RunState,
    input: Readonly<Record<string, unknown>> = {},
  ): PlacedRelease | undefined {
    const env = this.known.get(agentId);
    if (!env) return undefined;
    const kept = instanceOf(env, before);
    if (kept) return kept;
    // What a run's own runs do sticks to what the run has.
    const key = stickyKey(env, trigger.kind === 'step' ? trigger.runId : id, input);
    return instanceOf(env, choose(env, key)) ?? instanceOf(env, env.stable);
  }

  /** A job is on its way to its agent. */
  begun(request: AgentRunRequest, run: RunState, plan: AgentStep): void {
    this.notes.begun(request, run, plan);
  }

  /** A run changed: notes which attempts ended, and how. */
  ended(before: RunState, after: RunState, told: Told): void {
    if (this.known.size > 0) this.notes.ended(before, after, told);
  }

  /** As the record has it, or as it would begin. */
  async load(agentId: string, name: string): Promise<Environment> {
    const { store, clock } = this.deps;
    return (await store.environment(agentId, name)) ?? newEnvironment(agentId, name, clock.now());
  }

  /**
   * Moves an environment's pointers, with an entry in the ledger. Who loses a race decides anew on what won.
   * @param expect the fence under which alone it is to be done
   * @throws Error when it lost too many races in a row
   */
  async change(
    agentId: string,
    name: string,
    what: EnvironmentChange,
    by: By,
    expect?: number,
  ): Promise<EnvironmentDecision & { before: Environment }> {
    const capsules = releaseCapsulesOf(this.deps.registry.agent(agentId)).map((c) => c.capsuleId);
    for (let races = 0; races < MAX_RACES; races += 1) {
      const before = await this.load(agentId, name);
      if (expect !== undefined && before.fence !== expect) return { ok: false, reason: 'overtaken', before };
      const decision = changeEnvironment(before, what, this.deps.clock.now());
      if (!decision.ok || 'unchanged' in decision) return { ...decision, before };
      const moves = what.type === 'promote' || what.type === 'rollback' || what.type === 'candidate';
      const environment = moves
        ? withInstances(before, decision.environment, capsules, what.type === 'rollback')
        : decision.environment;
      const entry = entryFor(before, environment, what, by);
      if (!(await this.deps.store.saveEnvironment(environment, before.fence, entry))) continue;
      this.keep(environment);
      return { ok: true, environment, before };
    }
    throw new Error(`environment ${agentId}/${name}: lost ${MAX_RACES} races in a row`);
  }

  private keep(env: Environment): void {
    if (env.name !== this.environment || !this.deps.registry.findAgent(env.agentId)) return;
    const known = this.known.get(env.agentId);
    if (!known || known.fence < env.fence) this.known.set(env.agentId, env);
  }

  /** One read at a time, for all who ask. */
  private read(): Promise<void> {
    this.reading ??= this.readAll().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async readAll(): Promise<void> {
    const begun = this.deps.clock.now();
    for (const env of await this.deps.store.environments()) this.keep(env);
    this.readAt = begun;
  }
}

const agentsOf = ({ plan }: RunState): string[] =>
  plan.flatMap((s) => (s.kind === 'agent' ? [s.agentId] : []));

function entryFor(
  before: Environment,
  after: Environment,
  { type }: EnvironmentChange,
  { actor, reason }: By,
): LedgerEntry {
  const known = before.fence === 0 ? {} : projectEnvironment(before);
  return {
    ...{ at: after.updatedAt, actor, action: `environment.${type}`, entity: 'environment' },
    id: environmentId(after),
    ...changed(known, projectEnvironment(after)),
    ...(reason !== undefined && { reason }),
  };
}
