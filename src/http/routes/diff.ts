/** The outputs of two runs, compared. */
import { z } from 'zod';
import { diffOutputs } from '../../domain/diff';
import { payloadsOf } from '../../engine/payloads';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { shape, runId } from '../schema';
import { runLink } from '../views/run';

const tag = 'runs';

const Side = z.object({
  runId: z.guid(),
  workflowId: z.string(),
  status: z.string(),
  definition: z.string().describe('SHA-256 of the workflow definition the run is pinned to.'),
});

export const diffRuns = route({
  method: 'get',
  path: '/runs/:runId/diff/:otherId',
  operationId: 'diffRuns',
  tag,
  summary: 'What two runs delivered, compared step by step',
  description: 'Long values are shown by their beginning, and the number of changes is bounded.',
  access: 'viewer',
  params: z.object({ runId, otherId: runId }),
  responses: {
    200: {
      description: 'The differences.',
      schema: shape('RunDiff', () =>
        z.object({
          a: Side,
          b: Side,
          same: z.boolean(),
          steps: z.array(
            z.object({
              stepId: z.string(),
              kind: z.enum(['only-in-a', 'only-in-b', 'same', 'different']),
              changes: z.array(
                z.object({
                  path: z.array(z.string()).describe('Keys and list positions, from the output on.'),
                  kind: z.enum(['added', 'removed', 'changed']),
                  old: z.unknown().describe('In a; null where it was added.'),
                  new: z.unknown().describe('In b; null where it was removed.'),
                }),
              ),
              more: z.number().int().describe('Changes beyond those that are listed.'),
            }),
          ),
        }),
      ),
    },
  },
  problems: ['run-not-found', 'payloads-gone'],
  handle: async ({ params }, deps) => {
    const [a, b] = await Promise.all([sideOf(params.runId, deps), sideOf(params.otherId, deps)]);
    const steps = diffOutputs(a.outputs, b.outputs).map((step) => ({
      ...step,
      changes: step.changes.map((c) => ({ ...c, old: c.old ?? null, new: c.new ?? null })),
    }));
    const same = steps.every(({ kind }) => kind === 'same');
    return json({ a: a.view, b: b.view, same, steps });
  },
});

async function sideOf(id: string, { store }: AppDeps) {
  const run = (await store.run(id))?.state;
  if (!run) throw new Problem('run-not-found', { detail: `It is ${runLink(id)}.` });
  const payloads = await store.payloads(id);
  if (!payloads) throw new Problem('payloads-gone', { detail: `It is ${runLink(id)}.` });
  const { workflowId, status, definition, plan } = run;
  const { outputs } = payloadsOf(payloads);
  // In the order the steps are written, not the one they ended in.
  const inOrder = plan.flatMap(({ id: stepId }) => {
    const output = outputs.get(stepId);
    return output ? [[stepId, output] as const] : [];
  });
  return { view: { runId: id, workflowId, status, definition }, outputs: new Map(inOrder) };
}
