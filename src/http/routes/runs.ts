/** Runs: start, list, look at, cancel, start again. */
import { z } from 'zod';
import { RUN_STATUSES, type RunState } from '../../domain/run';
import type { Shift } from '../../domain/capsule';
import type { TriggerResult } from '../../engine/trigger';
import { whyOf } from '../../engine/why';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route, type Reply } from '../route';
import { idText, isoTime, jsonObject, shape, pageOf, pageQuery, runId } from '../schema';
import type { RunFilter } from '../../store/store';
import { runLink, runSummary, RunSummary, RunView, runView, type ShiftOf } from '../views/run';

const tag = 'runs';
const params = z.object({ runId });
/** Shifts of one capsule looked through for those of a run. */
const SHIFTS_LOOKED_AT = 50;

const created = {
  200: { description: 'The same request with the same key was made before: its run.', schema: RunView },
  201: {
    description: 'The run that was started.',
    schema: RunView,
    headers: { Location: 'Path of the run.' },
  },
};

export const startRun = route({
  method: 'post',
  path: '/workflows/:workflowId/runs',
  operationId: 'startRun',
  tag,
  summary: 'Start a run of a workflow',
  access: 'operator',
  params: z.object({ workflowId: idText }),
  body: shape('StartRun', () =>
    z.strictObject({
      input: jsonObject.optional().describe("Merged over the workflow's own input."),
      priority: z.number().int().optional().describe('Within the bounds that the workflow sets.'),
    }),
  ),
  bodyOptional: true,
  idempotent: true,
  responses: created,
  problems: ['workflow-not-found', 'idempotency-key-reused'],
  handle: async ({ params, body, idempotencyKey, actor, principal }, deps) => {
    const priority = priorityOf(params.workflowId, body.priority, deps);
    const who = { actor, ...(principal && { owner: principal.owner }) };
    const options = { ...who, ...priority, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    return triggered(await deps.engine.trigger(params.workflowId, body.input ?? {}, options), deps);
  },
});

export const rerunRun = route({
  method: 'post',
  path: '/runs/:runId/rerun',
  operationId: 'rerunRun',
  tag,
  summary: 'Start a run again, from a step on',
  description:
    'A new run that takes over the outputs of the steps before `fromStep` instead of redoing them.',
  access: 'operator',
  params,
  body: shape('RerunRun', () =>
    z.strictObject({
      fromStep: idText.optional().describe('Default: the first step that did not succeed, else the first.'),
      input: jsonObject.optional().describe('Merged over the input of the run that is repeated.'),
    }),
  ),
  bodyOptional: true,
  idempotent: true,
  responses: created,
  problems: [
    'run-not-found',
    'unknown-step',
    'run-not-over',
    'step-not-reached',
    'payloads-gone',
    'idempotency-key-reused',
  ],
  handle: async ({ params, body, idempotencyKey, actor, principal }, deps) => {
    const { fromStep, input } = body;
    const from = fromStep === undefined ? undefined : { at: 'step' as const, stepId: fromStep };
    const change = { ...(from && { from }), ...(input && { input }) };
    const who = { actor, ...(principal && { owner: principal.owner }) };
    const options = { ...who, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    return triggered(await deps.engine.rerun(params.runId, change, options), deps);
  },
});

const filters = {
  workflowId: idText.optional(),
  status: z.enum(RUN_STATUSES).optional(),
  createdAfter: isoTime.optional().describe('Created at this time or later.'),
  createdBefore: isoTime.optional().describe('Created before this time.'),
  text: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'holds control characters')
    .optional()
    .describe('In the id (from its beginning), the workflow or the error; capitals do not matter.'),
  parent: runId
    .optional()
    .describe('The runs that do the work of a step of this run, which are not listed otherwise.'),
  step: idText.optional().describe('With `parent`: of this step only.'),
};

function filterOf(query: z.output<z.ZodObject<typeof filters>>): RunFilter {
  const { workflowId, status, createdAfter, createdBefore, text, parent, step } = query;
  return {
    ...(workflowId !== undefined && { workflowId }),
    ...(status !== undefined && { status }),
    ...(createdAfter !== undefined && { createdAfter: Date.parse(createdAfter) }),
    ...(createdBefore !== undefined && { createdBefore: Date.parse(createdBefore) }),
    ...(text !== undefined && { text }),
    ...(parent && { parent: { runId: parent, ...(step !== undefined && { stepId: step }) } }),
  };
}

export const listRuns = route({
  method: 'get',
  path: '/runs',
  operationId: 'listRuns',
  tag,
  summary: 'List runs, newest first',
  access: 'viewer',
  query: z.object({ ...filters, ...pageQuery }),
  responses: { 200: { description: 'A page of runs.', schema: shape('RunPage', () => pageOf(RunSummary)) } },
  problems: [],
  handle: async ({ query }, { store }) => {
    const page = await store.runs(filterOf(query), query.limit, query.cursor);
    return json({ items: page.items.map(runSummary), nextCursor: page.nextCursor });
  },
});

export const countRuns = route({
  method: 'get',
  path: '/runs/counts',
  operationId: 'countRuns',
  tag,
  summary: 'How many runs there are, by status',
  description: 'All that fit, not only those of a page; `status` is left out of account in `byStatus`.',
  access: 'viewer',
  query: z.object(filters),
  responses: {
    200: {
      description: 'The counts.',
      schema: shape('RunCounts', () =>
        z.object({ total: z.number().int(), byStatus: z.record(z.enum(RUN_STATUSES), z.number().int()) }),
      ),
    },
  },
  problems: [],
  handle: async ({ query }, { store }) => {
    const { status, ...filter } = filterOf(query);
    const byStatus = await store.countRuns(filter);
    const all = RUN_STATUSES.reduce((sum, s) => sum + byStatus[s], 0);
    return json({ total: status === undefined ? all : byStatus[status], byStatus });
  },
});

export const getRun = route({
  method: 'get',
  path: '/runs/:runId',
  operationId: 'getRun',
  tag,
  summary: 'A run with its steps, timings, outputs and errors',
  access: 'viewer',
  params,
  responses: { 200: { description: 'The run.', schema: RunView } },
  problems: ['run-not-found'],
  handle: async ({ params }, deps) => json(await fullRun(await existing(params.runId, deps), deps)),
});

export const cancelRun = route({
  method: 'post',
  path: '/runs/:runId/cancel',
  operationId: 'cancelRun',
  tag,
  summary: 'Cancel a run',
  description:
    'The agent at work is told, no later step runs but those for the end, and asked again those neither. ' +
    'Cancelling a cancelled run again is answered the same.',
  access: 'operator',
  params,
  body: shape('CancelRun', () => z.strictObject({ reason: z.string().min(1).max(1_000).optional() })),
  bodyOptional: true,
  responses: { 200: { description: 'The cancelled run.', schema: RunView } },
  problems: ['run-not-found', 'run-over'],
  handle: async ({ params, body, actor }, deps) => {
    const reason = body.reason ?? 'cancelled over the API';
    const { outcome, state } = await deps.engine.cancel(params.runId, reason, actor);
    if (outcome === 'unknown-run' || !state) throw new Problem('run-not-found');
    const isCancelled = (state.ending ?? state).status === 'cancelled';
    if (!isCancelled) throw new Problem('run-over', { detail: `It has ${state.status}.` });
    return json(await fullRun(state, deps));
  },
});

/** @throws Problem when the workflow does not let its runs have this priority */
function priorityOf(workflowId: string, asked: number | undefined, { registry }: AppDeps) {
  if (asked === undefined) return {};
  const { min, max } = registry.findWorkflow(workflowId)?.priority ?? { min: 0, max: 0 };
  if (min <= asked && asked <= max) return { priority: asked };
  const message = min === max ? `can only be ${min} in this workflow` : `is to be from ${min} to ${max}`;
  const errors = [{ field: 'body.priority', message }];
  throw new Problem('invalid-request', { detail: `body.priority: ${message}`, errors });
}

async function triggered(result: TriggerResult, deps: AppDeps): Promise<Reply> {
  switch (result.kind) {
    case 'created':
    case 'repeated': {
      const body = await fullRun(await existing(result.runId, deps), deps);
      const headers = { Location: runLink(result.runId) };
      return json(body, result.kind === 'created' ? 201 : 200, headers);
    }
    case 'unknown-workflow':
      throw new Problem('workflow-not-found');
    case 'unknown-run':
      throw new Problem('run-not-found');
    case 'unknown-step':
      throw new Problem('unknown-step');
    case 'not-over':
      throw new Problem('run-not-over');
    case 'payloads-gone':
      throw new Problem('payloads-gone');
    case 'key-reused':
      throw new Problem('idempotency-key-reused', { extra: { runId: result.runId } });
    case 'step-not-reached':
      throw new Problem('step-not-reached', { extra: { stepId: result.stepId } });
  }
}

async function existing(id: string, { store }: AppDeps): Promise<RunState> {
  const run = await store.run(id);
  if (!run) throw new Problem('run-not-found');
  return run.state;
}

async function fullRun(run: RunState, deps: AppDeps) {
  const { store } = deps;
  const [payloads, costs] = await Promise.all([store.payloads(run.id), store.stepCosts([run.id])]);
  return runView(run, payloads, await shiftsOf(run, deps), await whyOf(run, deps), costs);
}

/** The shifts a run's steps worked in, as far as they are among the newest of their capsules; on any of an agent's. */
async function shiftsOf(run: RunState, { store, registry }: AppDeps): Promise<ShiftOf> {
  const worked = run.steps.filter((s) => s.generation !== undefined).map((s) => s.id);
  const agents = new Set(
    run.plan.flatMap((p) => (p.kind === 'agent' && worked.includes(p.id) ? [p.agentId] : [])),
  );
  const steps = run.steps.flatMap((s) => [s.capsuleId, ...s.history.map((h) => h.capsuleId)]);
  const main = [...agents].map((id) => registry.findAgent(id)?.capsuleId);
  const capsules = new Set([...main, ...steps].filter((id) => id !== undefined));
  const known = new Map<string, Shift[]>();
  await Promise.all(
    [...capsules].map(async (capsuleId) => {
      known.set(capsuleId, (await store.shifts({ capsuleId }, SHIFTS_LOOKED_AT)).items);
    }),
  );
  return (agentId, generation, capsuleId = registry.findAgent(agentId)?.capsuleId ?? '') =>
    known.get(capsuleId)?.find((s) => s.generation === generation);
}
