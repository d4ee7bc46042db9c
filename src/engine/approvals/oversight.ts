/** How far each agent is trusted: what its proposals are judged by, and what comes of what it did. */
import {
  changeOf,
  levelBefore,
  levelEntry,
  levelOf,
  levelWithin,
  type LevelRecord,
  type Standing,
} from '../../domain/oversight/level';
import { phaseFor } from '../../domain/protocol/protocol';
import type { Act } from '../../domain/oversight/act';
import type { Level, Oversight, Thresholds } from '../../domain/oversight/rules';
import {
  DEFAULT_REACH,
  DEFAULT_RISK_TIER,
  NOT_OVERSEEN,
  type OversightSettings,
} from '../../domain/oversight/settings';
import type { RunEvent } from '../../domain/run-events';
import { planOf, type RunState } from '../../domain/run';
import type { Alerts } from '../alerts';
import type { EngineDeps } from '../context';
import type { Protocols } from '../protocols';

type Deps = Pick<EngineDeps, 'store' | 'clock' | 'log' | 'registry' | 'thresholds'>;

/** Without configuration: what an agent may spend at once, and how sure it has to be. */
export const DEFAULT_THRESHOLDS = { spendUsd: 10, confidence: 0.8 };

/** An agent's levels are looked at again so often, in case whoever should have was gone. */
const REVIEW_MS = 60_000;
/** Others may change a level at the same time; then it is looked at anew so often. */
const MAX_TRIES = 3;

export class Overseer {
  private readonly standings = new Map<string, Standing>();
  private reviewedAt = -Infinity;

  constructor(
    private readonly deps: Deps,
    private readonly alerts: Pick<Alerts, 'raise'>,
    private readonly protocols: Pick<Protocols, 'running' | 'refresh'>,
  ) {}

  /** As known; what is not read yet counts as nothing done. */
  of(agentId: string): Oversight {
    return this.judging(agentId, this.standings.get(agentId) ?? nothing(agentId));
  }

  /** By what an agent of this standing is judged. */
  judging(agentId: string, standing: Standing): Oversight {
    const settings = this.settingsOf(agentId);
    const own = settings ?? NOT_OVERSEEN;
    return {
      watched: settings !== undefined,
      level: settings ? this.levelNow(own, standing) : 'autonomous',
      known: new Set(standing.known),
      thresholds: this.thresholds(own, agentId),
      settings: own,
    };
  }

  /** Reads how the agent stands that an event tells the work of. @throws when the record is away */
  async prepare(run: RunState, event: RunEvent): Promise<void> {
    if (event.type !== 'result') return;
    const plan = run.steps.some((s) => s.id === event.stepId) ? planOf(run, event.stepId) : undefined;
    if (plan?.kind !== 'agent' || !this.settingsOf(plan.agentId)) return;
    const { agentId } = plan;
    const [standing] = await Promise.all([this.deps.store.standing(agentId), this.protocols.refresh()]);
    this.standings.set(agentId, standing);
  }

  /** An agent acted: tells of what it should not have done, and changes its level where that is due. */
  async weigh({ agentId, runId, stepId, incident }: Act): Promise<void> {
    if (incident !== undefined) {
      const message =
        `${incident} In run ${runId}, step ${stepId}. See what it did with "reveille runs show ${runId}"; ` +
        `"reveille pause --agent ${agentId}" turns it off.`;
      await this.alerts.raise({ kind: 'agent-incident', subject: agentId, message }, `agent:${agentId}`);
    }
    await this.review(agentId);
  }

  /** Changes an agent's level if its record says so. */
  async review(agentId: string): Promise<void> {
    const settings = this.settingsOf(agentId);
    if (!settings) return;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const standing = await this.deps.store.standing(agentId);
      const change = changeOf(settings, standing);
      if (!change || (await this.write(standing, change.level, change.reason, 'engine'))) return;
    }
  }

  /** A person changes an agent's level. Answers whether it was another. */
  async set(agentId: string, level: Level, reason: string, actor: string): Promise<boolean> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const standing = await this.deps.store.standing(agentId);
      if (standing.level?.level === level) return false;
      if (await this.write(standing, level, reason, actor)) return true;
    }
    throw new Error(`the level of ${agentId} was changed by others ${MAX_TRIES} times`);
  }

  async sweep(): Promise<void> {
    const now = this.deps.clock.now();
    if (now - this.reviewedAt < REVIEW_MS) return;
    this.reviewedAt = now;
    for (const { id, oversight } of this.deps.registry.agents) if (oversight) await this.review(id);
  }

  private async write(standing: Standing, level: Level, reason: string, actor: string): Promise<boolean> {
    const { store, clock, log } = this.deps;
    const { agentId, counts } = standing;
    const was = levelBefore(this.settingsOf(agentId) ?? NOT_OVERSEEN, standing);
    const version = (standing.level?.version ?? 0) + 1;
    const record: LevelRecord = { level, since: clock.now(), reason, actor, version, base: counts };
    const written = await store.setLevel(agentId, record, levelEntry(agentId, record, was));
    if (written) log.info({ agent: agentId, level }, `agent ${agentId} is ${level} from now on: ${reason}`);
    return written;
  }

  private settingsOf(agentId: string): OversightSettings | undefined {
    return this.deps.registry.findAgent(agentId)?.oversight;
  }

  /** A protocol's phase goes before what the agent earned; a registry that says `supervised`, before both. */
  private levelNow(settings: OversightSettings, standing: Standing): Level {
    const { running } = this.protocols;
    const { agentId } = standing;
    const phase = phaseFor(running, agentId, this.deps.clock.now());
    if (!running || !phase || settings.mode === 'supervised') return levelOf(settings, standing);
    return levelWithin(phase, running.startedAt, running.base[agentId]?.incidents ?? 0, standing);
  }

  /** Of a phase and what is configured, the stricter. */
  private thresholds({ rules }: Pick<OversightSettings, 'rules'>, agentId: string): Thresholds {
    const { spendUsd, confidence } = this.deps.thresholds ?? DEFAULT_THRESHOLDS;
    const phase = phaseFor(this.protocols.running, agentId, this.deps.clock.now());
    return {
      spendUsd: Math.min(rules.spendUsd ?? spendUsd, phase?.spendUsd ?? Infinity),
      confidence: Math.max(rules.confidence ?? confidence, phase?.confidence ?? 0),
      reach: rules.reach ?? DEFAULT_REACH,
      riskTier: rules.riskTier ?? DEFAULT_RISK_TIER,
      askTypes: [...(rules.askTypes ?? []), ...(phase?.askTypes ?? [])],
    };
  }
}

const nothing = (agentId: string): Standing => ({
  agentId,
  known: [],
  counts: { supervisedActions: 0, incidents: 0 },
});
