/**
 * Replay before traffic: tasks that the incumbent did are done once more by the candidate, before it is given any
 * work. Which tasks, and what that is going to take, is committed before the first of them begins.
 */
import { learnedBootMs } from '../../domain/capsule';
import { instanceOf } from '../../domain/release/placement';
import {
  compareAll,
  outcomesOf,
  verdictOf,
  type Compared,
  type DeliveredPair,
} from '../../domain/rollout/compare-work';
import { PAIRED_RULES } from '../../domain/rollout/paired';
import { forecastOf, type ReplayPlan } from '../../domain/rollout/replay';
import type { Rollout } from '../../domain/rollout/rollout';
import type { Stage } from '../../domain/rollout/strategy';
import type { Verdict } from '../../domain/rollout/verdict';
import type { EngineDeps } from '../context';
import { isComparable, type Copies } from './copies';
import type { Releases } from './index';
import type { Found } from './stages';

/** Work looked through for tasks that can be replayed, newest first. */
const MAX_WORK = 2_000;
/** Copies under way at once, for each job that the agent takes at once: nobody waits long in its line. */
const AT_ONCE = 2;

export type ReplayStage = Extract<Stage, { kind: 'replay' }>;
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
    const begun = rollout.replay?.round === round ? rollout : await plan(await this.plan(rollout, stage));
    const planned = begun?.replay;
    if (begun?.status !== 'gating' || planned?.round !== round) return undefined;
    if (planned.tasks.length === 0) return { verdict: 'inconclusive', reason: noneText(stage, planned) };
    const { pairs, open, untold } = await this.copied(begun, planned);
    const { tolerance, margin } = stage;
    const compared = compareAll(pairs, stage.compare, { ...PAIRED_RULES, tolerance, margin });
    const isLate = clock.now() >= stageSince + stage.withinMs;
    const failed = compared.some((c) => c.judgement.verdict === 'fail');
    if (open > 0 && !isLate && !failed) return undefined;
    const took = { seconds: (clock.now() - stageSince) / 1_000, costUsd: costOf(pairs) };
    const { verdict, reason } = judged(compared, stage);
    const { removed, forecast } = planned;
    return {
      ...{ verdict, reason: [reason, ...asides({ removed, untold, open })].join('; ') },
      report: { compared, outcomes: outcomesOf(pairs), ...{ removed, untold, open, margin, forecast, took } },
    };
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
  private async copied(rollout: Rollout, { tasks }: ReplayPlan) {
    const pairs: DeliveredPair[] = [];
    const most = AT_ONCE * this.deps.registry.agent(rollout.agentId).concurrency;
    let [underWay, waiting, untold] = [0, 0, 0];
    for (const task of tasks) {
      const copied = await this.copies.look(rollout, task, rollout.round);
      if (copied.kind === 'done') pairs.push(copied.pair);
      else if (copied.kind === 'under-way') underWay += 1;
      else if (copied.kind === 'no-pair') untold += 1;
      else if (underWay >= most) waiting += 1;
      // Retention came between the plan and the task.
      else if (await this.copies.begin(rollout, task, rollout.round)) underWay += 1;
      else untold += 1;
    }
    return { pairs, open: underWay + waiting, untold };
  }
}

function judged(compared: readonly Compared[], { margin }: ReplayStage): Pick<Verdict, 'verdict' | 'reason'> {
  const found = verdictOf(compared);
  if (found.verdict !== 'pass') return found;
  const within = `shown to be worse in at most ${Math.round(100 * margin)} % of the tasks`;
  return { verdict: 'pass', reason: `${found.reason}; ${within}` };
}

const costOf = (pairs: readonly DeliveredPair[]): number =>
  pairs.reduce((sum, { candidate }) => sum + candidate.costUsd, 0);

const asides = ({ removed, untold, open }: Record<'removed' | 'untold' | 'open', number>): string[] => [
  ...(removed > 0 ? [`${removed} more had been removed by retention`] : []),
  ...(untold > 0 ? [`${untold} told nothing`] : []),
  ...(open > 0 ? [`${open} were not over in time`] : []),
];

const noneText = ({ sinceMs }: ReplayStage, { removed }: ReplayPlan): string => {
  const days = Math.round(sinceMs / 8_640_000) / 10;
  const why = removed > 0 ? `, and ${removed} more had been removed by retention` : '';
  return `the incumbent did no task in the last ${days} days that could be replayed${why}`;
};
