/** Why a run does not move. */
import { z } from 'zod';
import { RUN_STATUSES } from '../../domain/run';
import { isHeld, whyOf } from '../../engine/why';
import { Problem } from '../problems';
import { json, route } from '../route';
import { shape, runId } from '../schema';

export const Why = shape('Why', () =>
  z.object({
    runId: z.guid(),
    status: z.enum(RUN_STATUSES),
    why: z
      .string()
      .nullable()
      .describe('One sentence: what it waits for, and what releases it. Null while it moves, or is over.'),
    held: z
      .boolean()
      .describe('A switch, a budget or a breaker holds one of its steps, until that is released.'),
  }),
);

export const getWhy = route({
  method: 'get',
  path: '/runs/:runId/why',
  operationId: 'whyRun',
  tag: 'runs',
  summary: 'Why a run does not move, and what would release it',
  access: 'viewer',
  params: z.object({ runId }),
  responses: { 200: { description: 'The reason, if there is one.', schema: Why } },
  problems: ['run-not-found'],
  handle: async ({ params }, deps) => {
    const run = await deps.store.run(params.runId);
    if (!run) throw new Problem('run-not-found');
    const { id, status } = run.state;
    const [why, held] = await Promise.all([whyOf(run.state, deps), isHeld(run.state, deps)]);
    return json({ runId: id, status, why, held });
  },
});
