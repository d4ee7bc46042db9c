/**
 * Replay before traffic: tasks that the incumbent did are done once more by the candidate, before it is given any
 * work. Which tasks, and what that is going to take, is committed before the first of them begins.
 */
import { z } from 'zod';
import { learnedBootMs } from '../../domain/capsule';
import { instanceOf } from '../../domain/release/placement';
import type { DeliveredPair } from '../../domain/rollout/compare-work';
import { answers, IsolatedReplay, mendFor } from '../../domain/rollout/isolated-replay';
import { judgeReplay, noTasksText } from '../../domain/rollout/judge-replay';
import { forecastOf, type ReplayPlan } from '../../domain/rollout/replay';
import type { Rollout } from '../../domain/rollout/rollout';
import type { ReplayStage } from '../../domain/rollout/strategy';
import type { EngineDeps } from '../context';
import { isComparable, type Copies } from './copies';
import type { Releases } from './index';
import type { Found } from './stages';

/** Work looked through for tasks that can be replayed, newest first. */
const MAX_WORK = 2_000;
/** Copies under way at once, for each job that the agent takes at once: nobody waits long in its line. */
const AT_ONCE = 2;
/** Verdicts of the candidate looked through for that of a replay in the sandbox, newest first. */
const MAX_VERDICTS = 200;
/** The evidence of one. */
const Told = z.looseObject({ report: IsolatedReplay });

export type PlanReplay = (plan: ReplayPlan) => Promise<Rollout | undefined>;
type Wish = Pick<Rollout, 'agentId' | 'environment' | 'candidate' | 'incumbent'>;

export class Replay {
  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock' | 'registry'>,
    private readonly releases: Pick<Releases, 'load'>,
    private readonly copies: Copies,
  ) {}

  /** @param plan commits what is going to be replayed */
  async look(rollout: Rollout, stage: ReplayStage, plan: PlanReplay): Promise<Found | undefined> {
    const { clock } = this.deps;
    const { stageSince = clock.now(), round } = rollout;
    if (rollout.incumbent === undefined)
      return { verdict: 'inconclusive', reason: 'there is no release to compare it with' };
    if (stage.where === 'sandbox') return this.told(rollout, stage);
    const begun = rollout.replay?.round === round ? rollout : await plan(await this.plan(rollout, stage));
    const planned = begun?.replay;
    if (begun?.status !== 'gating' || planned?.round !== round) return undefined;
    if (planned.tasks.length === 0)
      return { verdict: 'inconclusive', reason: noTasksText(stage, planned.removed) };
    const { pairs, ...told } = await this.copied(begun, planned, stage);
    const { removed, forecast } = planned;
    const spent = { seconds: (clock.now() - stageSince) / 1_000, forecast };
    const found = judgeReplay(pairs, stage, { removed, ...told }, spent);
    const isLate = clock.now() >= stageSince + stage.withinMs;
    const failed = found.report.compared.some((c) => c.judgement.verdict === 'fail');
    return told.open > 0 && !isLate && !failed ? undefined : found;
  }

  /** What a replay that began now would be about. */
  async plan({ agentId, environment, candidate, incumbent }: Wish, stage: ReplayStage): Promise<ReplayPlan> {
    const { store, clock, registry } = this.deps;
    const since = clock.now() - stage.sinceMs;
    const work = incumbent === undefined ? [] : await store.workOfRelease(incumbent, MAX_WORK, since);
    const chosen: typeof work = [];
    let removed = 0;
    for (const one of work.filter(isComparable)) {
      // Retention goes by age: behind so many that are gone there is nothing left.
      if (chosen.length >= stage.tasks || removed >= stage.tasks) break;
      if (await this.copies.isKept(one)) chosen.push(one);
      else removed += 1;
    }
    const agent = registry.agent(agentId);
    const env = await this.releases.load(agentId, environment);
    const { capsuleId = agent.capsuleId } = instanceOf(env, candidate) ?? {};
    const capsule = (await store.capsule(capsuleId))?.state;
    const forecast = forecastOf(
      chosen.map((w) => w.ended ?? {}),
      {
        concurrency: agent.concurrency,
        bootMs: (capsule?.status !== 'awake' && capsule && learnedBootMs(capsule, 0.5)) || 0,
        pricePerHourUsd: agent.pricePerReplicaHourUsd ?? 0,
      },
    );
    const tasks = chosen.map(({ runId, stepId, attempt }) => ({ runId, stepId, attempt }));
    return { tasks, removed, forecast };
  }

  /** The pairs there are; begins the next copies where few are under way. */
  private async copied(rollout: Rollout, { tasks }: ReplayPlan, { unrecorded: rule }: ReplayStage) {
    const pairs: DeliveredPair[] = [];
    const { round } = rollout;
    const most = AT_ONCE * this.deps.registry.agent(rollout.agentId).concurrency;
    let [underWay, waiting, untold, unrecorded] = [0, 0, 0, 0];
    for (const task of tasks) {
      const copied = await this.copies.look(rollout, task, round);
      if (copied.kind === 'done') pairs.push(copied.pair);
      else if (copied.kind === 'under-way') underWay += 1;
      else if (copied.kind === 'no-pair') untold += 1;
      else if (copied.kind === 'unrecorded') unrecorded += 1;
      else if (underWay >= most) waiting += 1;
      // Retention came between the plan and the task.
      else if (await this.copies.begin(rollout, task, { round, unrecorded: rule })) underWay += 1;
      else untold += 1;
    }
    return { pairs, open: underWay + waiting, untold, unrecorded };
  }

  /** What was told of a replay in the sandbox; undefined while nothing was, and there is time. */
  private async told(rollout: Rollout, stage: ReplayStage): Promise<Found | undefined> {
    const { store, clock } = this.deps;
    const { candidate, incumbent, stageSince = clock.now() } = rollout;
    const verdicts = await store.verdictsOf(candidate, MAX_VERDICTS);
    for (const { verdict, reason, evidence, by } of verdicts.filter((v) => v.stage === 'replay')) {
      const content = await store.releasePart(evidence);
      const read = content && Told.safeParse(JSON.parse(content.toString('utf8')));
      if (!read?.success || !answers(read.data.report, stage, incumbent)) continue;
      return { verdict, reason: `${reason}; in the sandbox, told by ${by}`, report: read.data.report };
    }
    if (clock.now() < stageSince + stage.withinMs) return undefined;
    return {
      verdict: 'inconclusive',
      reason: `nobody told of a replay in the sandbox: ${mendFor(candidate)}`,
    };
  }
}
