/** Workflows, their schedules and their decided ticks as the API shows them. */
import { z } from 'zod';
import { needsOf } from '../../domain/graph';
import { PHASES, phaseOf, type StepPlan } from '../../domain/plan';
import { CatchUp, describe, nextTicks, OverlapPolicy } from '../../domain/schedule';
import { planFor, type Registry, type Workflow } from '../../registry';
import type { Tick } from '../../store/store';
import { isoTime, jsonObject, shape } from '../schema';
import { iso } from './time';

/** How many fire times to come are shown. */
const NEXT_TICKS = 5;

const ScheduleView = shape('Schedule', () =>
  z.object({
    cron: z.string(),
    timezone: z.string().describe('IANA time zone.'),
    words: z.string().describe('The schedule as a sentence, e.g. for a page.'),
    enabled: z.boolean(),
    next: z.array(isoTime).describe(`The next ${NEXT_TICKS} fire times; empty while it is not enabled.`),
    overlap: OverlapPolicy,
    catchUp: CatchUp,
    slackSeconds: z.number(),
  }),
);

export const WorkflowView = shape('Workflow', () =>
  z.object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    steps: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(['agent', 'runs', 'sleep', 'event', 'approval']),
        phase: z.enum(PHASES),
        agentId: z.string().nullable(),
        workflowId: z.string().nullable().describe('The workflow it runs.'),
        needs: z.array(z.string()),
        timeoutSeconds: z.number().describe('Of one attempt; of a wait, how long it may last.'),
        attempts: z.number().int(),
        input: jsonObject.nullable(),
      }),
    ),
    input: jsonObject.describe('Input of a run that brings none.'),
    timeoutSeconds: z.number().nullable(),
    schedule: ScheduleView.nullable(),
    links: z.object({ self: z.string(), runs: z.string(), start: z.string() }),
  }),
);

const TickView = shape('Tick', () =>
  z.object({
    scheduledFor: isoTime,
    action: z.enum(['fired', 'skipped']),
    reason: z.string(),
    lateMs: z.number(),
    decidedAt: isoTime,
    runId: z.guid().nullable(),
  }),
);

export const WorkflowDetail = shape('WorkflowDetail', () =>
  WorkflowView.unwrap().extend({
    lastTicks: z.array(TickView).describe('The last decided ticks, newest first.'),
  }),
);

/** @param now epoch ms; the next fire times are after it */
export function workflowView(
  workflow: Workflow,
  registry: Registry,
  now: number,
): z.infer<typeof WorkflowView> {
  const plan = planFor(workflow, registry);
  const { id, schedule } = workflow;
  const self = `/workflows/${encodeURIComponent(id)}`;
  return {
    id,
    name: workflow.name,
    description: workflow.description ?? null,
    steps: plan.map((step) => stepView(plan, step)),
    input: { ...workflow.input },
    timeoutSeconds: workflow.timeoutSeconds ?? null,
    schedule: schedule ? scheduleView(schedule, now) : null,
    links: { self, runs: `/runs?workflowId=${encodeURIComponent(id)}`, start: `${self}/runs` },
  };
}

function stepView(plan: readonly StepPlan[], step: StepPlan) {
  return {
    id: step.id,
    kind: step.kind,
    phase: phaseOf(step),
    agentId: step.kind === 'agent' ? step.agentId : null,
    workflowId: step.kind === 'runs' ? step.workflowId : null,
    needs: [...needsOf(plan, step)],
    timeoutSeconds: step.timeoutMs / 1_000,
    attempts: step.attempts,
    input: step.input ?? null,
  };
}

function scheduleView(
  schedule: NonNullable<Workflow['schedule']>,
  now: number,
): z.infer<typeof ScheduleView> {
  const { cron, timezone, enabled, overlap, catchUp, slackSeconds } = schedule;
  return {
    cron,
    timezone,
    words: describe(schedule),
    enabled,
    next: enabled ? nextTicks(schedule, now, NEXT_TICKS).map(iso) : [],
    overlap,
    catchUp: { ...catchUp },
    slackSeconds,
  };
}

export const tickView = (tick: Tick): z.infer<typeof TickView> => ({
  scheduledFor: iso(tick.scheduledFor),
  action: tick.action,
  reason: tick.reason,
  lateMs: tick.lateMs,
  decidedAt: iso(tick.decidedAt),
  runId: tick.runId ?? null,
});
