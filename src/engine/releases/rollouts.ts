/**
 * Rollouts at work: each change is decided, committed with its ledger entry, and then performed. What is to be done
 * follows from the committed state, so whoever is alive goes on where another stopped.
 */
import { change as changed, type LedgerEntry } from '../../domain/ledger';
import type { ChangeAction } from '../../domain/ledger/actions';
import { isLive } from '../../domain/release/placement';
import {
  decideRollout,
  isRolloutOver,
  newRollout,
  projectRollout,
  type Rollout,
  type RolloutCommand,
  type RolloutEvent,
} from '../../domain/rollout/rollout';
import { backFrom } from '../../domain/release/suspect';
import type { Judgement } from '../../domain/rollout/canary';
import type { ReplayPlan } from '../../domain/rollout/replay';
import { approvalStage, withApprovals } from '../../domain/rollout/approval';
import type { StageKind, Strategy } from '../../domain/rollout/strategy';
import { stepOf } from '../../domain/run';
import type { Alerts } from '../alerts';
import type { EngineDeps } from '../context';
import type { Runs } from '../runs';
import { KeyedMutex, type Tasks } from '../tasks';
import type { By, Releases } from './index';
import type { KeepWarm } from './keep-warm';
import type { Stages } from './stages';
import { TakenBack } from './taken-back';
import { UntoldMoves } from './untold-moves';

/** A rollout that lost so many races in a row is taken up by the next pass. */
const MAX_RACES = 10;
/** Steps sent elsewhere after a rollback, per instance; the sweeper finds the rest. */
const MAX_REROUTED = 1_000;
/** How long after its end a release's line is looked at once more, for what was let in meanwhile. */
const REROUTE_FOR_MS = 60_000;
/** Stages in which a candidate is compared with the release that is stable. */
const COMPARED: readonly StageKind[] = ['replay', 'shadow', 'canary'];

export type Begun =
  | { kind: 'begun'; rollout: Rollout }
  | { kind: 'unknown-release' | 'unknown-agent' | 'under-way' | 'no-stable' | 'is-stable' }
  /** The policy wants it to be stable in another environment first. */
  | { kind: 'not-promoted'; from: string }
  /** A verdict lacks that nobody may answer for. */
  | { kind: 'not-validated'; reason: string };

export type RolledBack = { kind: 'rolled-back'; releaseId: string } | { kind: 'nothing' };

export interface RolloutWish {
  agentId: string;
  environment: string;
  releaseId: string;
  strategy: Strategy;
}

type RolloutVerb = Extract<ChangeAction, `rollout.${string}`> extends `rollout.${infer Verb}` ? Verb : never;

type Deps = Pick<
  EngineDeps,
  'store' | 'clock' | 'registry' | 'log' | 'newId' | 'performing' | 'events' | 'limits'
>;

export class Rollouts {
  private readonly mutex = new KeyedMutex();
  private readonly looking = new Set<string>();
  private readonly takenBack: TakenBack;
  private readonly untold: UntoldMoves;

  constructor(
    private readonly deps: Deps,
    private readonly releases: Releases,
    private readonly stages: Stages,
    private readonly runs: Pick<Runs, 'apply' | 'get'>,
    private readonly alerts: Pick<Alerts, 'raise' | 'resolve'>,
    private readonly tasks: Tasks,
    private readonly warm: Pick<KeepWarm, 'sweep'>,
  ) {
    this.takenBack = new TakenBack(deps, alerts, releases);
    this.untold = new UntoldMoves(deps, releases, this.takenBack);
  }

  /** Begins to move a pointer; one attempt at a time for each environment. */
  async begin({ agentId, environment, releaseId, strategy }: RolloutWish, by: By): Promise<Begun> {
    const { store, clock, registry, newId } = this.deps;
    if (!registry.findAgent(agentId)) return { kind: 'unknown-agent' };
    const release = await store.release(releaseId);
    if (release?.agentId !== agentId) return { kind: 'unknown-release' };
    const env = await this.releases.load(agentId, environment);
    if (env.stable === releaseId) return { kind: 'is-stable' };
    const tries = strategy.stages.some((s) => COMPARED.includes(s.kind));
    if (env.stable === undefined && tries) return { kind: 'no-stable' };
    const from = env.policy.promoteFrom;
    if (from !== undefined && (await store.environment(agentId, from))?.stable !== releaseId)
      return { kind: 'not-promoted', from };
    const attempt = { agentId, environment, candidate: releaseId, strategy };
    const admitted = await this.stages.admit({
      ...attempt,
      ...(env.stable !== undefined && { incumbent: env.stable }),
    });
    if ('refused' in admitted) return { kind: 'not-validated', reason: admitted.refused };
    const rollout = newRollout({
      ...{ id: newId(), agentId, environment, candidate: releaseId, createdAt: clock.now() },
      strategy: withApprovals(admitted.strategy, env.policy.approvals),
      begunBy: by.owner ?? by.actor,
      ...(env.stable !== undefined && { incumbent: env.stable }),
    });
    const entry = this.entry(undefined, rollout, 'created', by);
    if (!(await store.saveRollout(rollout, 0, entry))) {
      const open = (await store.openRollout(agentId, environment))?.state;
      const isSame = open?.candidate === releaseId && open.strategy.name === strategy.name;
      return isSame ? { kind: 'begun', rollout: open } : { kind: 'under-way' };
    }
    const started = await this.apply(rollout.id, { type: 'start' }, by);
    return { kind: 'begun', rollout: started ?? rollout };
  }

  /**
   * Back to the last good release, from any state: the pointer first, everything else after it.
   * @param expect the fence under which alone it is to be done
   */
  async rollback(agentId: string, environment: string, by: By, expect?: number): Promise<RolledBack> {
    const begunAt = this.deps.clock.now();
    const open = await this.deps.store.openRollout(agentId, environment);
    const decision = await this.releases.change(agentId, environment, { type: 'rollback' }, by, expect);
    if (!decision.ok && decision.reason === 'overtaken') return { kind: 'nothing' };
    const cause = by.actor === 'engine' ? { cause: 'breaker' as const } : {};
    const abort = { type: 'abort' as const, reason: by.reason ?? 'rolled back', ...cause };
    if (open) await this.apply(open.state.id, abort, by);
    if (!decision.ok) return open ? this.now(agentId, environment) : { kind: 'nothing' };
    this.tasks.spawn('reroute', () => this.reroute(agentId));
    const from = decision.before.stable;
    const to = decision.environment.stable;
    if (to === undefined) return { kind: 'nothing' };
    // What the rollout under way had moved is told by its own end.
    if (from !== undefined && from !== to && from !== open?.state.candidate) {
      const moved = { from, releaseId: to, actor: by.actor, begunAt, at: this.deps.clock.now() };
      const back = { agentId, environment, ...moved };
      this.tasks.spawn('tell of a rollback', () => this.takenBack.byMove(back, by.reason));
    }
    return { kind: 'rolled-back', releaseId: to };
  }

  /** Applies an event. Answers the rollout after it; undefined where there is none. */
  apply(id: string, event: RolloutEvent, by: By): Promise<Rollout | undefined> {
    return this.mutex.run(id, () => this.applyNow(id, event, by));
  }

  /** What the replay of such an attempt would take; undefined where its strategy has none. */
  async forecast({ agentId, environment, releaseId, strategy }: RolloutWish) {
    const { stable } = await this.releases.load(agentId, environment);
    const wish = { agentId, environment, candidate: releaseId };
    return this.stages.forecast({ ...wish, ...(stable !== undefined && { incumbent: stable }) }, strategy);
  }

  /** How a canary stands now; undefined where there is none. */
  judgement(rollout: Rollout): Promise<Judgement | undefined> {
    return this.stages.judgement(rollout);
  }

  /** Goes on with what is under way. */
  async sweep(): Promise<void> {
    if (!this.deps.performing) return;
    for (const rollout of await this.deps.store.openRollouts()) this.lookSoon(rollout);
    for (const { id } of this.deps.registry.agents) await this.reroute(id);
    await this.untold.sweep();
    await this.warm.sweep();
  }

  /** The candidate's work moved on. */
  async moved(agentId: string): Promise<void> {
    if (!this.deps.performing) return;
    for (const rollout of await this.deps.store.openRollouts())
      if (rollout.agentId === agentId) this.lookSoon(rollout);
  }

  private async now(agentId: string, environment: string): Promise<RolledBack> {
    const { stable } = await this.releases.load(agentId, environment);
    return stable === undefined ? { kind: 'nothing' } : { kind: 'rolled-back', releaseId: stable };
  }

  private async applyNow(id: string, event: RolloutEvent, by: By): Promise<Rollout | undefined> {
    const { store, clock, events } = this.deps;
    for (let races = 0; races < MAX_RACES; races += 1) {
      const known = await store.rollout(id);
      if (!known) return undefined;
      const { state, commands } = decideRollout(known.state, event, clock.now());
      if (state === known.state) return state;
      const action = event.type === 'verdict' ? event.verdict.verdict : event.type;
      if (!(await store.saveRollout(state, known.version, this.entry(known.state, state, action, by))))
        continue;
      events.emit('rollout', state);
      for (const command of commands)
        this.tasks.spawn(`rollout ${command.type}`, () => this.perform(state, command, by));
      return state;
    }
    throw new Error(`rollout ${id}: lost ${MAX_RACES} races in a row`);
  }

  private entry(
    before: Rollout | undefined,
    after: Rollout,
    action: RolloutVerb,
    { actor, reason }: By,
  ): LedgerEntry {
    const known = before ? projectRollout(before) : {};
    return {
      ...{ at: this.deps.clock.now(), actor, action: `rollout.${action}`, entity: 'rollout' },
      id: after.id,
      ...changed(known, projectRollout(after)),
      ...(reason !== undefined && { reason }),
    };
  }

  private async perform(rollout: Rollout, command: RolloutCommand, by: By): Promise<void> {
    const subject = `${rollout.agentId}/${rollout.environment}`;
    switch (command.type) {
      case 'enter':
        this.lookSoon(rollout);
        // What people were asked is answered, unless the stage asks them itself.
        if (!approvalStage(rollout))
          await this.alerts.resolve({ kind: 'rollout-paused', subject }, 'it goes on', 'engine');
        return;
      case 'restore':
        return this.restore(rollout, by);
      case 'ask':
        await this.alerts.raise({ kind: 'rollout-paused', subject, message: command.memo }, 'engine');
        return;
      case 'alert':
        return this.takenBack.byRollout(rollout, command.reason);
      case 'finished':
        await this.stages.over(rollout);
        await this.alerts.resolve(
          { kind: 'rollout-paused', subject },
          `the rollout is ${rollout.status}`,
          'engine',
        );
        if (rollout.status !== 'done') return;
        await this.warm.sweep();
        await this.alerts.resolve({ kind: 'rollout-aborted', subject }, 'another release works', 'engine');
        return;
    }
  }

  /** Puts the pointers back. Raises the fence in any case: a move that was under way comes too late. */
  private async restore(rollout: Rollout, by: By): Promise<void> {
    const reason = by.reason === undefined ? {} : { reason: by.reason };
    for (let races = 0; races < MAX_RACES; races += 1) {
      const env = await this.releases.load(rollout.agentId, rollout.environment);
      const how = { actor: by.actor, ...reason };
      // What is to be done depends on where the pointers are: a move that came in between is looked at anew.
      const done = await this.releases.change(env.agentId, env.name, backFrom(env, rollout), how, env.fence);
      if (!done.ok && done.reason === 'overtaken') continue;
      await this.reroute(rollout.agentId);
      await this.apply(rollout.id, { type: 'restored' }, { actor: 'engine' });
      return;
    }
    throw new Error(`rollout ${rollout.id}: lost ${MAX_RACES} races in a row while it was put back`);
  }

  /** Sends on who waits for a release that was rolled back. */
  private async reroute(agentId: string): Promise<void> {
    const env = this.releases.peek(agentId);
    const since = this.deps.clock.now() - REROUTE_FOR_MS;
    const over = env?.instances.filter((i) => !isLive(i) && i.state !== 'stopped' && i.since > since) ?? [];
    for (const { releaseId, capsuleId } of over) {
      for (const { runId, stepId, attempt } of await this.deps.store.waiting(capsuleId, MAX_REROUTED)) {
        const run = (await this.runs.get(runId))?.state;
        if (run && stepOf(run, stepId)?.releaseId === releaseId)
          await this.runs.apply(runId, { type: 'rerouted', stepId, attempt });
      }
    }
  }

  /** One look at a time for each stage. */
  private lookSoon(rollout: Rollout): void {
    const key = `${rollout.id}/${rollout.stage}/${rollout.round}`;
    if (isRolloutOver(rollout.status) || this.looking.has(key)) return;
    this.looking.add(key);
    this.tasks.spawn('rollout', () => this.look(rollout).finally(() => this.looking.delete(key)));
  }

  private async look({ id }: Rollout): Promise<void> {
    const rollout = (await this.deps.store.rollout(id))?.state;
    const by = { actor: 'engine' };
    if (!rollout || rollout.status === 'paused') return;
    if (rollout.status === 'pending') return void (await this.apply(id, { type: 'start' }, by));
    if (rollout.status === 'aborting') return this.restore(rollout, by);
    const freeze = (frozen: NonNullable<Rollout['frozen']>) => this.apply(id, { type: 'frozen', frozen }, by);
    const { stage, round } = rollout;
    const plan = (planned: ReplayPlan) => this.apply(id, { type: 'planned', round, plan: planned }, by);
    const verdict = await this.stages.look(rollout, { freeze, plan });
    if (verdict) await this.apply(id, { type: 'verdict', stage, round, verdict }, by);
  }
}
