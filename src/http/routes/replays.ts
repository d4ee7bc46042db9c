/** Many runs started again at once. */
import { z } from 'zod';
import { ErrorKind } from '../../domain/run';
import { MAX_REPLAYED, whyNot, type Planned } from '../../engine/triggers/replays';
import type { ReplayRecord, ReplayRequest } from '../../store/replays';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, isoTime, maybeTime, shape, runId } from '../schema';
import { iso, isoOrNull } from '../views/time';

const tag = 'runs';
const OVER = ['succeeded', 'failed', 'cancelled'] as const;
const DEFAULT_LIMIT = 100;

const Filter = z.strictObject({
  workflowId: idText.optional(),
  status: z.enum(OVER).default('failed'),
  createdAfter: isoTime.optional().describe('Created at this time or later.'),
  createdBefore: isoTime.optional().describe('Created before this time.'),
  errorKind: ErrorKind.optional().describe('Runs that failed for this reason only.'),
});

const Body = shape('StartReplay', () =>
  z.strictObject({
    filter: Filter,
    fromStep: idText
      .default('failed')
      .describe('`failed`: the first step that did not succeed. `start`: everything anew. Else a step.'),
    limit: z.number().int().min(1).max(MAX_REPLAYED).default(DEFAULT_LIMIT),
    preview: z.boolean().default(false),
  }),
);

const ReplayView = shape('Replay', () =>
  z.object({
    id: z.guid().nullable().describe('Null for a preview.'),
    status: z.enum(['preview', 'running', 'done']),
    createdAt: isoTime,
    finishedAt: maybeTime,
    fromStep: z.string(),
    count: z.number().int().describe('Runs that are started again, those that are skipped included.'),
    more: z.boolean().describe('Preview: whether others fit too, beyond the limit.'),
    waiting: z.number().int(),
    started: z.number().int(),
    skipped: z.number().int(),
    runs: z.array(
      z.object({
        runId: z.guid(),
        outcome: z.enum(['waiting', 'started', 'skipped']),
        startedRunId: z.guid().nullable().describe('The new run.'),
        fromStep: z.string().nullable().describe('Preview: the first step that would be done again.'),
        reason: z.string().nullable().describe('Why it is skipped.'),
        error: z.string().nullable().describe('Preview: why the run failed.'),
      }),
    ),
    links: z.object({ self: z.string().nullable() }),
  }),
);
type ReplayView = z.infer<typeof ReplayView>;

/** Runs a preview lists; the counts are of all. */
const PREVIEWED = 20;

export const startReplay = route({
  method: 'post',
  path: '/replays',
  operationId: 'startReplay',
  tag,
  summary: 'Start many runs again, or see what that would do',
  description:
    'The runs are chosen now, newest first up to the limit, and begun a few at a time, oldest first. ' +
    '`preview: true` changes nothing.',
  access: 'operator',
  body: Body,
  idempotent: true,
  responses: {
    200: { description: 'The preview, or the replay that this key started before.', schema: ReplayView },
    202: { description: 'It has begun.', schema: ReplayView },
  },
  problems: ['idempotency-key-reused'],
  handle: async ({ body, idempotencyKey, actor }, { engine, clock }) => {
    const request = requestOf(body);
    if (body.preview) {
      const { planned, more } = await engine.replays.preview(request);
      return json(previewView(planned, more, request, clock.now()));
    }
    const options = { actor, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    const result = await engine.replays.start(request, options);
    if (result.kind === 'key-reused') throw new Problem('idempotency-key-reused');
    return json(replayView(result.replay), result.kind === 'started' ? 202 : 200);
  },
});

export const getReplay = route({
  method: 'get',
  path: '/replays/:id',
  operationId: 'getReplay',
  tag,
  summary: 'How far a replay has come',
  access: 'viewer',
  params: z.object({ id: runId }),
  responses: { 200: { description: 'The replay.', schema: ReplayView } },
  problems: ['replay-not-found'],
  handle: async ({ params }, { store }) => {
    const replay = await store.replay(params.id);
    if (!replay) throw new Problem('replay-not-found');
    return json(replayView(replay));
  },
});

function requestOf({ filter, fromStep, limit }: z.output<typeof Body>): ReplayRequest {
  const { workflowId, status, createdAfter, createdBefore, errorKind } = filter;
  return {
    filter: {
      status,
      ...(workflowId !== undefined && { workflowId }),
      ...(createdAfter !== undefined && { createdAfter: Date.parse(createdAfter) }),
      ...(createdBefore !== undefined && { createdBefore: Date.parse(createdBefore) }),
      ...(errorKind && { errorKind }),
    },
    fromStep,
    limit,
  };
}

function previewView(
  planned: readonly Planned[],
  more: boolean,
  { fromStep }: ReplayRequest,
  now: number,
): ReplayView {
  const possible = planned.filter(({ plan }) => plan.kind === 'possible').length;
  return {
    ...{ id: null, status: 'preview', createdAt: iso(now), finishedAt: null, fromStep, more },
    ...{ count: planned.length, waiting: possible, started: 0, skipped: planned.length - possible },
    runs: planned.slice(0, PREVIEWED).map(({ run, plan }) => ({
      runId: run.id,
      outcome: plan.kind === 'possible' ? 'waiting' : 'skipped',
      startedRunId: null,
      fromStep: plan.kind === 'possible' ? plan.first : null,
      reason: plan.kind === 'possible' ? null : whyNot(plan),
      error: run.error?.message ?? null,
    })),
    links: { self: null },
  };
}

function replayView({ id, createdAt, finishedAt, request, runIds, outcomes }: ReplayRecord): ReplayView {
  const started = outcomes.filter((o) => o.kind === 'started').length;
  return {
    ...{ id, createdAt: iso(createdAt), finishedAt: isoOrNull(finishedAt), fromStep: request.fromStep },
    ...{ status: finishedAt === undefined ? 'running' : 'done', more: false, count: runIds.length },
    ...{ waiting: runIds.length - outcomes.length, started, skipped: outcomes.length - started },
    runs: runIds.map((of, i) => {
      const outcome = outcomes[i];
      return {
        runId: of,
        outcome: outcome?.kind ?? 'waiting',
        startedRunId: outcome?.kind === 'started' ? outcome.runId : null,
        reason: outcome?.kind === 'skipped' ? outcome.reason : null,
        fromStep: null,
        error: null,
      };
    }),
    links: { self: `/replays/${id}` },
  };
}
