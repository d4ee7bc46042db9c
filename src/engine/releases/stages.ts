/** What each stage of a rollout asks for, and when its verdict is there. Every look may be made twice. */
import { judgeApprovals } from '../../domain/rollout/approval';
import type { Judgement } from '../../domain/rollout/canary';
import type { ReplayPlan } from '../../domain/rollout/replay';
import { isRolloutOver, type Rollout } from '../../domain/rollout/rollout';
import type { ReplayStage, Stage } from '../../domain/rollout/strategy';
import type { Verdict, VerdictKind } from '../../domain/rollout/verdict';
import { instanceOf } from '../../domain/release/placement';
import type { Environment } from '../../domain/release/environment';
import { sha256 } from '../../domain/release/manifest';
import { capsulesOf } from '../../registry/capsules';
import type { Capsules } from '../capsules';
import type { EngineDeps } from '../context';
import type { Guards } from '../guards';
import type { Canary } from './canary';
import type { Releases } from './index';
import type { PlanReplay, Replay } from './replay';
import type { Shadow } from './shadow';
import type { Validation } from './validate';

type Freeze = (frozen: NonNullable<Rollout['frozen']>) => Promise<Rollout | undefined>;
/** What a stage commits before it begins. */
export interface Commits {
  freeze: Freeze;
  plan: PlanReplay;
}
type OfKind<K extends Stage['kind']> = Extract<Stage, { kind: K }>;

/** Later than any time that a record can hold: what is open, whenever it was begun. */
const EVER = Number.MAX_SAFE_INTEGER;
/** Work looked through for that of one release. */
const MAX_OPEN = 1_000;
/** A version that is meant as the name of a release. */
const NAMES_RELEASE = /^[0-9a-f]{12,64}$/;
const ENGINE = { actor: 'engine' };

type Deps = Pick<EngineDeps, 'store' | 'clock' | 'registry' | 'limits' | 'log'>;

export class Stages {
  constructor(
    private readonly deps: Deps,
    private readonly releases: Releases,
    private readonly capsules: Pick<Capsules, 'apply' | 'load'>,
    private readonly guards: Pick<Guards, 'heldBack'>,
    private readonly parts: { validation: Validation; canary: Canary; shadow: Shadow; replay: Replay },
  ) {}

  /** @returns undefined while there is none yet */
  async look(rollout: Rollout, commits: Commits): Promise<Verdict | undefined> {
    const stage = rollout.strategy.stages[rollout.stage];
    if (!stage) return undefined;
    const found = await this.found(rollout, stage, commits);
    if (!found) return undefined;
    const content = Buffer.from(JSON.stringify({ stage: stage.kind, ...found }));
    const evidence = sha256(content);
    await this.deps.store.keepPart(evidence, content);
    const { verdict, reason } = found;
    return { verdict, reason, evidence: [evidence], at: this.deps.clock.now(), by: 'engine' };
  }

  private async found(rollout: Rollout, stage: Stage, commits: Commits): Promise<Found | undefined> {
    switch (stage.kind) {
      case 'validate':
        return this.parts.validation.validate(rollout, stage.withinMs);
      case 'warm-up':
        return this.warmUp(rollout, stage);
      case 'replay':
        if (stage.where === 'capsule') await this.placed(rollout, 0);
        return this.parts.replay.look(rollout, stage, commits.plan);
      case 'shadow':
        await this.placed(rollout, 0);
        return this.parts.shadow.look(rollout, stage);
      case 'approval':
        return judgeApprovals(rollout, stage, this.deps.clock.now());
      case 'canary':
        return this.canary(rollout, stage, commits.freeze);
      case 'switch':
        return this.switch(rollout);
      case 'cleanup':
        return this.cleanup(rollout, stage);
    }
  }

  /** Whether a rollout may begin, and by which stages. */
  admit(attempt: Parameters<Validation['admit']>[0]): ReturnType<Validation['admit']> {
    return this.parts.validation.admit(attempt);
  }

  /** What the replay of a strategy would be about, if it began now; undefined where it has none. */
  async forecast(
    wish: Pick<Rollout, 'agentId' | 'environment' | 'candidate' | 'incumbent'>,
    { stages }: Rollout['strategy'],
  ): Promise<{ stage: ReplayStage; plan: ReplayPlan } | undefined> {
    const stage = stages.find((s) => s.kind === 'replay');
    return stage && { stage, plan: await this.parts.replay.plan(wish, stage) };
  }

  async judgement(rollout: Rollout): Promise<Judgement | undefined> {
    const stage = rollout.strategy.stages[rollout.stage];
    if (stage?.kind !== 'canary' || !rollout.frozen) return undefined;
    return this.parts.canary.judge(rollout, stage, this.guards.heldBack({ agentId: rollout.agentId }));
  }

  /** What was kept awake for the rollout may sleep. */
  async over({ agentId, candidate, status }: Rollout): Promise<void> {
    const agent = this.deps.registry.findAgent(agentId);
    const warm = { for: { releaseId: candidate }, reason: `the rollout is ${status}` };
    for (const { capsuleId } of agent ? capsulesOf(agent) : [])
      await this.capsules.apply(capsuleId, { type: 'cooled', ...warm });
  }

  /** The candidate on its capsule, with so much of the work; not any more once the rollout is being taken back. */
  private async placed(
    { id, agentId, environment, candidate }: Rollout,
    weight: number,
  ): Promise<Environment> {
    const env = await this.releases.load(agentId, environment);
    if (env.candidate === candidate && env.weight === weight) return env;
    // In this order: whoever takes it back from here on raises the fence.
    const now = (await this.deps.store.rollout(id))?.state.status;
    if (now === undefined || now === 'aborting' || isRolloutOver(now)) return env;
    const wish = { type: 'candidate' as const, releaseId: candidate, weight };
    const decision = await this.releases.change(agentId, environment, wish, ENGINE, env.fence);
    return decision.ok ? decision.environment : env;
  }

  private async canary(
    rollout: Rollout,
    stage: OfKind<'canary'>,
    freeze: Freeze,
  ): Promise<Found | undefined> {
    const { canary } = this.parts;
    const begun = rollout.frozen ? rollout : await freeze(await canary.freeze(rollout));
    if (begun?.status !== 'canary') return undefined;
    await this.placed(begun, stage.weight);
    const judgement = await canary.judge(begun, stage, this.guards.heldBack({ agentId: rollout.agentId }));
    if (judgement.decision === 'wait') return undefined;
    const kinds: Record<string, VerdictKind> = { promote: 'pass', abort: 'fail', pause: 'inconclusive' };
    const { decision, reason, report } = judgement;
    return { verdict: kinds[decision] ?? 'inconclusive', reason, report };
  }

  /** Wakes the candidate's capsule, and looks whether what answers there is the candidate. */
  private async warmUp(rollout: Rollout, stage: OfKind<'warm-up'>): Promise<Found | undefined> {
    const { clock } = this.deps;
    const { agentId, environment, candidate, stageSince = clock.now() } = rollout;
    const first = (await this.releases.load(agentId, environment)).stable === undefined;
    // The first release of an agent has nothing beside which it could be warmed up.
    if (first) return { verdict: 'pass', reason: 'it is the first release: its first work warms it up' };
    const env = await this.placed(rollout, 0);
    const capsuleId = instanceOf(env, candidate)?.capsuleId;
    if (capsuleId === undefined) return undefined;
    const until = stageSince + stage.withinMs;
    const reason = `release ${candidate.slice(0, 12)} is warmed up`;
    const warm = { for: { releaseId: candidate }, until, reason };
    await this.capsules.apply(capsuleId, { type: 'prewarmed', ...warm });
    const state = (await this.capsules.load(capsuleId))?.state;
    if (state?.status === 'awake') return this.proved(rollout, env, state.release);
    if (clock.now() < until) return undefined;
    await this.releases.change(
      ...([
        agentId,
        environment,
        { type: 'instance', releaseId: candidate, event: 'unhealthy' },
        ENGINE,
      ] as const),
    );
    return {
      verdict: 'fail',
      reason: `its capsule ${capsuleId} was not healthy within ${stage.withinMs} ms`,
    };
  }

  private async proved(
    { agentId, environment, candidate }: Rollout,
    env: Environment,
    told: string | undefined,
  ): Promise<Found> {
    const here = instanceOf(env, candidate);
    const shared = env.instances.some((i) => i.capsuleId === here?.capsuleId && i.releaseId === env.stable);
    if (!shared && told !== undefined && NAMES_RELEASE.test(told) && !candidate.startsWith(told))
      return {
        verdict: 'fail',
        reason: `its capsule ${here?.capsuleId} runs release ${told.slice(0, 12)}: deploy ${candidate.slice(0, 12)} there`,
      };
    for (const event of ['validated', 'healthy'] as const)
      await this.releases.change(
        agentId,
        environment,
        { type: 'instance', releaseId: candidate, event },
        ENGINE,
      );
    const how = shared
      ? 'the process of the stable release answers, and goes by the releaseId of each job'
      : told !== undefined && candidate.startsWith(told)
        ? 'it answers, and tells its release'
        : 'it answers; it does not tell its release';
    return { verdict: 'pass', reason: how };
  }

  /** The fence keeps a move that was overtaken by an abort from being made. */
  private async switch({ id, agentId, environment, candidate }: Rollout): Promise<Found | undefined> {
    const env = await this.releases.load(agentId, environment);
    const current = (await this.deps.store.rollout(id))?.state;
    if (current?.status !== 'promoting') return undefined;
    const wish = { type: 'promote' as const, releaseId: candidate };
    const decision = await this.releases.change(agentId, environment, wish, ENGINE, env.fence);
    return decision.ok ? { verdict: 'pass', reason: 'the pointer was moved' } : undefined;
  }

  /** What the incumbent has in hand ends there. */
  private async cleanup(rollout: Rollout, stage: OfKind<'cleanup'>): Promise<Found | undefined> {
    const { agentId, environment, incumbent, stageSince = 0 } = rollout;
    const env = await this.releases.load(agentId, environment);
    const old = instanceOf(env, incumbent);
    const busy =
      old && (await this.deps.store.openWork(EVER, MAX_OPEN)).some((w) => w.releaseId === incumbent);
    if (!busy) return { verdict: 'pass', reason: 'nothing is left with the release before' };
    if (this.deps.clock.now() < stageSince + stage.withinMs) return undefined;
    return { verdict: 'pass', reason: 'what is left with the release before ends there' };
  }
}

export interface Found {
  verdict: VerdictKind;
  reason: string;
  /** What it rests on; kept as evidence. */
  report?: unknown;
}
