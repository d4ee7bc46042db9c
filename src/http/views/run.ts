/** Runs as the API shows them. Nothing of a token, a secret or a due time of the engine is in here. */
import { z } from 'zod';
import { Usage } from '../../contract';
import type { Shift } from '../../domain/capsule';
import type { StepLine } from '../../domain/cost/booking';
import { CHILD_STATES, countOf } from '../../domain/children';
import { needsOf } from '../../domain/graph';
import { PHASES, phaseOf, type StepPlan } from '../../domain/plan';
import {
  ErrorKind,
  isTerminal,
  planOf,
  RUN_STATUSES,
  STEP_STATUSES,
  type AttemptRecord,
  type RunState,
  type StepState,
  type Trigger,
} from '../../domain/run';
import type { RunPayloads, StepResult } from '../../store/store';
import { isoTime, jsonObject, maybeMs, maybeTime, shape } from '../schema';
import { ShiftView, shiftView } from './capsule';
import { costOf, CostView } from './cost';
import { between, iso, isoOrNull } from './time';

const RunErrorView = shape('RunError', () => z.object({ kind: ErrorKind, message: z.string() }));

const TriggerView = shape('Trigger', () =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('api') }),
    z.object({ kind: z.literal('schedule'), scheduledFor: isoTime }),
    z.object({ kind: z.literal('rerun'), of: z.guid(), fromStep: z.string() }),
    z.object({
      kind: z.literal('webhook'),
      delivery: z.string().nullable().describe("The sender's id of the delivery."),
    }),
    z.object({ kind: z.literal('event'), eventId: z.guid(), name: z.string() }),
    z.object({
      kind: z.literal('run'),
      of: z.guid().describe('The run whose end started this one.'),
      depth: z.number().int().describe('How many runs in a row were started so.'),
    }),
    z.object({
      kind: z.literal('shadow').describe('A copy of work, done by a candidate without effect.'),
      of: z.string(),
      stepId: z.string(),
      attempt: z.number().int(),
      rolloutId: z.string(),
    }),
    z.object({
      kind: z.literal('step'),
      runId: z.guid(),
      stepId: z.string(),
      attempt: z.number().int(),
      index: z.number().int().describe('Its place in the list of the step, from 0.'),
    }),
  ]),
);

const StepSummary = z.object({
  id: z.string(),
  status: z.enum(STEP_STATUSES),
  kind: z.enum(['agent', 'runs', 'sleep', 'event', 'approval']),
  agentId: z.string().nullable().describe('Null for a step that no agent does.'),
  attempt: z.number().int().describe('The current or last attempt; 0 before the first.'),
  maxAttempts: z
    .number()
    .int()
    .describe(
      'The number of the last attempt there may be, as far as is known: proposals and waits are numbered, too.',
    ),
});

const runFields = {
  id: z.guid(),
  workflowId: z.string(),
  status: z.enum(RUN_STATUSES),
  trigger: TriggerView,
  createdAt: isoTime,
  startedAt: maybeTime,
  finishedAt: maybeTime,
  error: RunErrorView.nullable(),
};

export const RunSummary = shape('RunSummary', () =>
  z.object({ ...runFields, steps: z.array(StepSummary), links: z.object({ self: z.string() }) }),
);
export type RunSummary = z.infer<typeof RunSummary>;

const AttemptView = shape('Attempt', () =>
  z.object({
    attempt: z.number().int(),
    outcome: z.enum(['success', ...ErrorKind.options]),
    message: z.string().nullable(),
    requestedAt: isoTime,
    grantedAt: maybeTime,
    acceptedAt: maybeTime,
    endedAt: isoTime,
    agentMs: maybeMs.describe('What the agent itself measured.'),
    shift: ShiftView.nullable().describe(
      'The shift of its capsule it worked in, while that is among the newest.',
    ),
    failover: z
      .object({ capsuleId: z.string(), insteadOf: z.string(), reason: z.string() })
      .nullable()
      .describe('It was done on an alternative of its agent: which, in place of which capsule, and why.'),
  }),
);

const ChildrenView = shape('Children', () =>
  z.object({
    total: z.number().int(),
    open: z.number().int().describe('Not begun.'),
    running: z.number().int(),
    succeeded: z.number().int(),
    failed: z.number().int(),
    runs: z.string().describe('Where they are listed.'),
  }),
);

const BOOKED =
  'What is booked so far, runs of its own included; a shift is booked once it is over. Null before.';

export const StepView = shape('Step', () =>
  StepSummary.extend({
    phase: z.enum(PHASES),
    needs: z.array(z.string()).describe('The steps it waits for.'),
    shift: ShiftView.nullable().describe('The shift of its capsule in which this attempt works.'),
    reason: z.string().nullable().describe('Why it was skipped.'),
    children: ChildrenView.nullable().describe('The runs that do the work of the step, if it has any.'),
    requestedAt: maybeTime.describe('When this attempt asked for a place on the capsule.'),
    grantedAt: maybeTime.describe('When it got one, on an awake capsule.'),
    acceptedAt: maybeTime.describe('When the agent had taken the job.'),
    finishedAt: maybeTime,
    deadline: maybeTime.describe('When the attempt under way is given up.'),
    waitMs: maybeMs.describe('From asking for a place to getting it; the boot is part of it.'),
    bootMs: maybeMs.describe('What the wake of this shift took; 0 when the capsule was awake already.'),
    workMs: maybeMs.describe('From getting the place to the end of the attempt.'),
    agentMs: maybeMs.describe('What the agent itself measured.'),
    error: RunErrorView.nullable(),
    output: jsonObject.nullable().describe('What the last counted result brought, of a failed step too.'),
    usage: z.array(Usage).describe('Model usage over all attempts, late results included.'),
    reusedFrom: z.guid().nullable().describe('The run whose output was taken over instead of redoing it.'),
    cost: CostView.nullable().describe(BOOKED),
    attempts: z.array(AttemptView).describe('Attempts that are over, oldest first.'),
  }),
);
type StepView = z.infer<typeof StepView>;

export const RunView = shape('Run', () =>
  z.object({
    ...runFields,
    definition: z.string().describe('SHA-256 of the workflow definition the run is pinned to.'),
    priority: z.number().int().describe('Higher starts first and gets agents first.'),
    why: z
      .string()
      .nullable()
      .describe('Why it does not move, and what releases it. Null while it moves, or is over.'),
    deadline: maybeTime,
    input: jsonObject.nullable().describe('Null once the retention time removed it.'),
    cost: CostView.nullable().describe(BOOKED),
    steps: z.array(StepView),
    links: z.object({
      self: z.string(),
      workflow: z.string(),
      cancel: z.string().nullable().describe('Null once the run is over.'),
      rerun: z.string().nullable().describe('Null until the run is over.'),
    }),
  }),
);
export type RunView = z.infer<typeof RunView>;

export function runSummary(run: RunState): RunSummary {
  const steps = run.steps.map((step) => stepSummary(step, planOf(run, step.id)));
  return { ...common(run), steps, links: { self: runLink(run.id) } };
}

/**
 * @param payloads undefined once retention removed them
 * @param shiftOf a shift of an agent, as far as it is known
 */
export function runView(
  run: RunState,
  payloads: RunPayloads | undefined,
  shiftOf: ShiftOf,
  why: string | null,
  costs: readonly StepLine[],
): RunView {
  const over = isTerminal(run.status);
  const self = runLink(run.id);
  return {
    ...common(run),
    definition: run.definition,
    priority: run.priority ?? 0,
    why,
    deadline: isoOrNull(run.deadline),
    input: payloads?.input ?? null,
    cost: costOf(costs),
    steps: run.steps.map((step) => {
      const agentId = agentIdOf(planOf(run, step.id));
      const shift: ShiftIn = (generation, capsuleId) =>
        agentId !== null && generation !== undefined ? shiftOf(agentId, generation, capsuleId) : undefined;
      const results = payloads?.results.filter((r) => r.stepId === step.id) ?? [];
      const own = costs.filter((line) => line.stepId === step.id);
      return stepView(run, step, results, { shift, costs: own });
    }),
    links: {
      self,
      workflow: `/workflows/${encodeURIComponent(run.workflowId)}`,
      cancel: over ? null : `${self}/cancel`,
      rerun: over ? `${self}/rerun` : null,
    },
  };
}

const stepSummary = ({ id, status, attempt, uncounted = 0 }: StepState, plan: StepPlan) => ({
  ...{ id, status, attempt, kind: plan.kind },
  agentId: agentIdOf(plan),
  maxAttempts: plan.attempts + uncounted,
});

export const runLink = (runId: string): string => `/runs/${runId}`;

function common(run: RunState) {
  return {
    id: run.id,
    workflowId: run.workflowId,
    status: run.status,
    trigger: triggerView(run.trigger),
    createdAt: iso(run.createdAt),
    startedAt: isoOrNull(run.startedAt),
    finishedAt: isoOrNull(run.finishedAt),
    error: run.error ?? null,
  };
}

function triggerView(trigger: Trigger): z.infer<typeof TriggerView> {
  if (trigger.kind === 'schedule') return { kind: 'schedule', scheduledFor: iso(trigger.scheduledFor) };
  if (trigger.kind === 'webhook') return { kind: 'webhook', delivery: trigger.delivery ?? null };
  return { ...trigger };
}

/** The shift of an agent's capsule in a generation, as far as it is known; of the main one unless another is named. */
export type ShiftOf = (agentId: string, generation: number, capsuleId?: string) => Shift | undefined;
type ShiftIn = (generation: number | undefined, capsuleId: string | undefined) => Shift | undefined;

function stepView(
  run: RunState,
  step: StepState,
  results: StepResult[],
  { shift, costs }: { shift: ShiftIn; costs: readonly StepLine[] },
): StepView {
  const plan = planOf(run, step.id);
  const own = shift(step.generation, step.capsuleId ?? step.history.at(-1)?.capsuleId);
  const ended = step.history.find((h) => h.attempt === step.attempt);
  const counted = results.filter((r) => r.counted).sort((a, b) => b.attempt - a.attempt)[0];
  return {
    ...stepSummary(step, plan),
    phase: phaseOf(plan),
    needs: [...needsOf(run.plan, plan)],
    shift: own ? shiftView(own) : null,
    reason: step.reason ?? null,
    children: step.children === undefined ? null : childrenView(run, step),
    requestedAt: isoOrNull(step.requestedAt),
    grantedAt: isoOrNull(step.grantedAt),
    acceptedAt: isoOrNull(step.acceptedAt),
    finishedAt: isoOrNull(step.finishedAt),
    deadline: isoOrNull(step.deadline),
    waitMs: between(step.requestedAt, step.grantedAt),
    bootMs: bootMs(step, own),
    // Not from acceptedAt: a 202 and a result that come together are committed together.
    workMs: between(step.grantedAt, ended?.endedAt),
    agentMs: ended?.durationMs ?? null,
    error: step.error ?? null,
    output: counted?.result.output ?? null,
    usage: results.flatMap((r) => r.result.usage ?? []),
    reusedFrom: step.reusedFrom ?? null,
    cost: costOf(costs),
    attempts: step.history.map((record) => attemptView(record, shift)),
  };
}

const agentIdOf = (plan: StepPlan): string | null => (plan.kind === 'agent' ? plan.agentId : null);

function childrenView(run: RunState, { id, children = '' }: StepState): z.infer<typeof ChildrenView> {
  const count = (state: keyof typeof CHILD_STATES) => countOf(children, CHILD_STATES[state]);
  const [open, running, succeeded, failed] = [
    count('open'),
    count('running'),
    count('succeeded'),
    count('failed'),
  ];
  const runs = `/runs?${new URLSearchParams({ parent: run.id, step: id }).toString()}`;
  return { total: children.length, open, running, succeeded, failed, runs };
}

/** The part of the wait that was the capsule's boot. */
function bootMs({ requestedAt }: StepState, shift: Shift | undefined): number | null {
  if (requestedAt === undefined || shift?.healthyAt === undefined) return null;
  return shift.healthyAt <= requestedAt ? 0 : between(shift.acceptedAt, shift.healthyAt);
}

function attemptView(record: AttemptRecord, shiftIn: ShiftIn): z.infer<typeof AttemptView> {
  const shift = shiftIn(record.generation, record.capsuleId);
  return {
    attempt: record.attempt,
    outcome: record.outcome,
    message: record.message ?? null,
    requestedAt: iso(record.requestedAt),
    grantedAt: isoOrNull(record.grantedAt),
    acceptedAt: isoOrNull(record.acceptedAt),
    endedAt: iso(record.endedAt),
    agentMs: record.durationMs ?? null,
    shift: shift ? shiftView(shift) : null,
    failover: record.failover
      ? {
          capsuleId: record.capsuleId ?? '',
          insteadOf: record.failover.capsuleId,
          reason: record.failover.reason,
        }
      : null,
  };
}
