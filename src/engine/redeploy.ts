/**
 * Redeploys an agent through its platform's builds: at most one build a request, none under a running
 * job unless that is wanted, and a ledger entry of who asked. The build itself is the platform's: it
 * is read back by its id, by any orchestrator and after any restart.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/canonical-json';
import type { LedgerEntry } from '../domain/ledger';
import { isUnderWay, type Build, type Builds } from '../platforms/builds';
import { PlatformError } from '../platforms/platform';
import type { Agent } from '../registry';
import type { RedeployRecord } from '../store/redeploys';
import type { EngineDeps } from './context';

/** Beyond that a claim's process is taken for gone: more than a read and a start of a driver take at most. */
const CLAIM_MS = 90_000;

export interface RedeployOptions {
  /** Who asked, for the ledger. */
  actor: string;
  /** Also while the agent works on a job, which the new version will interrupt. */
  force: boolean;
  idempotencyKey?: string;
}

export type RedeployResult =
  | { kind: 'started' | 'repeated'; build: Build }
  | { kind: 'unknown-agent' | 'unsupported' | 'key-reused' }
  /** Jobs are at work on the agent. */
  | { kind: 'at-work'; jobs: number }
  /** A build is under way, or just being asked for. */
  | { kind: 'under-way'; buildId?: string }
  /** Nothing began. */
  | { kind: 'refused'; error: PlatformError }
  /** The answer was lost: one may have begun, and none can be seen. */
  | { kind: 'uncertain'; error?: PlatformError };

/** The builds of an agent's capsule, newest first, or why they cannot be told. */
export type BuildReading =
  | { kind: 'read'; value: { agent: Agent; builds: Builds; list: Build[] } }
  | { kind: 'unknown-agent' }
  | { kind: 'unsupported' }
  | { kind: 'refused'; error: PlatformError };

type Deps = Pick<EngineDeps, 'store' | 'registry' | 'clock' | 'newId' | 'log' | 'builds'>;

export class Redeploys {
  constructor(private readonly deps: Deps) {}

  async start(agentId: string, options: RedeployOptions): Promise<RedeployResult> {
    const reading = await this.list(agentId);
    if (reading.kind !== 'read') return reading;
    const { agent, builds, list: before } = reading.value;
    const id = this.deps.newId();
    const now = this.deps.clock.now();
    const fingerprint = createHash('sha256')
      .update(canonicalJson({ force: options.force }))
      .digest('hex');
    const claim = await this.deps.store.claimRedeploy({
      id,
      agentId,
      key: options.idempotencyKey ?? id,
      fingerprint,
      at: now,
      staleBefore: now - CLAIM_MS,
      ...(before[0] && { newestBefore: before[0].id }),
    });
    if (claim.kind === 'busy') return { kind: 'under-way' };
    if (claim.kind === 'known') {
      if (claim.record.fingerprint !== fingerprint) return { kind: 'key-reused' };
      return this.repeated(agent, claim.record, before);
    }
    const obstacle = await this.obstacle(agentId, before, options.force);
    if (!obstacle) return this.ask(agent, builds, before, id, options);
    await this.deps.store.dropRedeploy(id);
    return obstacle;
  }

  /** The builds of an agent's capsule, newest first, whoever started them. */
  async list(agentId: string): Promise<BuildReading> {
    const agent = this.deps.registry.findAgent(agentId);
    if (!agent) return { kind: 'unknown-agent' };
    const { builds } = this.deps;
    if (!builds) return { kind: 'unsupported' };
    try {
      return { kind: 'read', value: { agent, builds, list: await builds.list(agent.capsuleId) } };
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return { kind: 'refused', error };
    }
  }

  /** What a build printed last; undefined when the platform does not tell. */
  async log(build: Build, maxLines: number): Promise<string[] | undefined> {
    try {
      return await this.deps.builds?.log(build, maxLines);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      // The status is what matters; a log that cannot be read does not take it away.
      this.deps.log.warn({ buildId: build.id, err: error }, 'the log of a build cannot be read');
      return undefined;
    }
  }

  /**
   * What stands against a build now. The builds are read again, under the claim: whoever held it before
   * may have started one since they were read.
   */
  private async obstacle(
    agentId: string,
    before: readonly Build[],
    force: boolean,
  ): Promise<RedeployResult | undefined> {
    const reading = await this.list(agentId);
    if (reading.kind !== 'read') return reading;
    const { agent, list } = reading.value;
    const begun = list[0]?.id === before[0]?.id ? list.find(isUnderWay) : list[0];
    if (begun) return { kind: 'under-way', buildId: begun.id };
    if (force) return undefined;
    const capsule = await this.deps.store.capsule(agent.capsuleId);
    const jobs = capsule?.activity.held ?? 0;
    return jobs > 0 ? { kind: 'at-work', jobs } : undefined;
  }

  /** Asks the platform, between an entry that says so and one that says what came of it. */
  private async ask(
    agent: Agent,
    builds: Builds,
    before: readonly Build[],
    id: string,
    { actor, force }: RedeployOptions,
  ): Promise<RedeployResult> {
    const { store } = this.deps;
    const { id: agentId, capsuleId } = agent;
    await this.note(id, actor, 'asked', { agentId, capsuleId, force });
    try {
      const build = await builds.start(capsuleId, before);
      await store.settleRedeploy(id, build.id);
      await this.note(id, actor, 'started', { buildId: build.id }, { was: 'asked' });
      return { kind: 'started', build };
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      const kind = error.mayHaveApplied ? 'uncertain' : 'refused';
      await (kind === 'uncertain' ? store.settleRedeploy(id) : store.dropRedeploy(id));
      await this.note(id, actor, kind, {}, { was: 'asked', reason: error.message });
      return { kind, error };
    }
  }

  /** The same request again: its build, as far as one can be seen. */
  private async repeated(
    agent: Agent,
    record: RedeployRecord,
    list: readonly Build[],
  ): Promise<RedeployResult> {
    const { buildId, newestBefore } = record;
    if (buildId !== undefined) {
      const build = list.find(({ id }) => id === buildId);
      // The platform forgets builds some day; that it was started is known all the same.
      return {
        kind: 'repeated',
        build: build ?? { id: buildId, capsuleId: agent.capsuleId, status: 'unknown' },
      };
    }
    if (record.open) return { kind: 'under-way' };
    // The oldest of the builds that came after: those behind it were started by somebody else.
    const known = newestBefore === undefined ? list.length : list.findIndex(({ id }) => id === newestBefore);
    const build = list.slice(0, Math.max(0, known)).at(-1);
    if (!build) return { kind: 'uncertain' };
    await this.deps.store.settleRedeploy(record.id, build.id);
    // Whoever asked said that it could not tell, or was gone before that.
    await this.note(record.id, 'engine', 'started', { buildId: build.id }, { was: 'uncertain' });
    return { kind: 'repeated', build };
  }

  private async note(
    id: string,
    actor: string,
    status: 'asked' | 'started' | 'refused' | 'uncertain',
    more: Record<string, unknown>,
    { was, reason }: { was?: 'asked' | 'uncertain'; reason?: string } = {},
  ): Promise<void> {
    const at = this.deps.clock.now();
    const action = `redeploy.${status}` as const;
    const entry: LedgerEntry = {
      ...{ at, actor, action, entity: 'redeploy', id, set: { status, ...more } },
      ...(was && { was: { status: was } }),
      ...(reason !== undefined && { reason }),
    };
    const result = await this.deps.store.commit({ at, ledger: [entry] });
    if (!result.ok) throw new Error(`${action} could not be recorded: ${result.conflict}`);
  }
}
