/** What a workflow's past runs and its capsules teach about its schedule, and the line about it at start. */
import { learnedBootMs } from '../domain/capsule';
import type { RunState } from '../domain/run';
import { compileSchedule, localText, type AgentSeconds, type CompiledSchedule } from '../domain/schedule';
import type { Registry, Workflow } from '../registry';
import type { Store } from '../store/store';
import type { EngineDeps } from './context';

/** Finished runs that are learned from, the newest. */
const LEARNED_RUNS = 50;

export interface LearnedSchedule extends CompiledSchedule {
  /** How many runs were learned from, and how long they took. Absent before the first. */
  readonly learned?: { readonly runs: number; readonly p50Ms: number; readonly p95Ms: number };
}

type Source = { registry: Registry; store: Pick<Store, 'runs' | 'capsule'> };

/** Everything that can be said of a workflow's schedule. Undefined: it has none. */
export async function forecast(
  workflow: Workflow,
  { registry, store }: Source,
  now: number,
): Promise<LearnedSchedule | undefined> {
  const { schedule } = workflow;
  if (!schedule) return undefined;
  const filter = { workflowId: workflow.id, status: 'succeeded' } as const;
  const { items: runs } = await store.runs(filter, LEARNED_RUNS);
  const took = runs.flatMap(({ startedAt, finishedAt }) =>
    startedAt === undefined || finishedAt === undefined ? [] : [finishedAt - startedAt],
  );
  if (took.length === 0) return compileSchedule(schedule, {}, now);
  const durations = { p50Ms: quantile(took, 0.5), p95Ms: quantile(took, 0.95) };
  const agents = await agentSeconds(runs, { registry, store });
  return {
    ...compileSchedule(schedule, { durations, agents }, now),
    learned: { runs: took.length, ...durations },
  };
}

/** Where the seconds of a usual run go, agent by agent: one boot and one linger each, and all its work. */
async function agentSeconds(runs: readonly RunState[], { registry, store }: Source): Promise<AgentSeconds[]> {
  const work = new Map<string, number[]>();
  for (const run of runs) {
    for (const [agentId, ms] of workOf(run)) work.set(agentId, [...(work.get(agentId) ?? []), ms]);
  }
  const known = [...work].flatMap(([agentId, all]) => {
    const agent = registry.findAgent(agentId);
    return agent ? [{ agent, workMs: quantile(all, 0.5) }] : [];
  });
  return Promise.all(
    known.map(async ({ agent, workMs }) => {
      const capsule = await store.capsule(agent.capsuleId);
      const bootMs = (capsule && learnedBootMs(capsule.state, 0.5)) ?? 0;
      const { pricePerReplicaHourUsd: pricePerHourUsd } = agent;
      return {
        agentId: agent.id,
        bootSeconds: bootMs / 1_000,
        workSeconds: workMs / 1_000,
        lingerSeconds: agent.lingerSeconds,
        ...(pricePerHourUsd !== undefined && { pricePerHourUsd }),
      };
    }),
  );
}

/** The milliseconds each agent worked in a run, as far as the run itself shows. */
function workOf(run: RunState): Map<string, number> {
  const work = new Map<string, number>();
  for (const { id, grantedAt, finishedAt } of run.steps) {
    const plan = run.plan.find((step) => step.id === id);
    if (plan?.kind !== 'agent' || grantedAt === undefined || finishedAt === undefined) continue;
    work.set(plan.agentId, (work.get(plan.agentId) ?? 0) + Math.max(0, finishedAt - grantedAt));
  }
  return work;
}

/** Nearest rank. @param values not empty */
function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
}

/** One log line for each schedule: what it is in words, when it fires next, and what to know about it. */
export async function announceSchedules(
  deps: Pick<EngineDeps, 'registry' | 'store' | 'clock' | 'log'>,
): Promise<void> {
  const now = deps.clock.now();
  for (const workflow of deps.registry.workflows) {
    if (!workflow.schedule?.enabled) continue;
    const compiled = await forecast(workflow, deps, now);
    if (!compiled) continue;
    const { words, next, remarks, cost } = compiled;
    const { timezone } = workflow.schedule;
    deps.log.info(
      {
        workflowId: workflow.id,
        next: next.map((at) => `${localText(timezone, at)} (${new Date(at).toISOString()})`),
        remarks,
        ...(cost && {
          runsPerMonth: Math.round(cost.runsPerMonth * 10) / 10,
          ...(cost.costPerMonthUsd !== undefined && {
            costPerMonthUsd: Math.round(cost.costPerMonthUsd * 1e4) / 1e4,
          }),
        }),
      },
      `schedule of ${workflow.id}: ${words}`,
    );
  }
}
