/** Tasks of the past, as the API shows them to who does them once more. */
import { z } from 'zod';
import { ReplayCall } from '../../contract';
import { wishOf } from '../../domain/rollout/isolated-replay';
import type { ReplayPlan } from '../../domain/rollout/replay';
import { COMPARISONS, type ReplayStage } from '../../domain/rollout/strategy';
import type { PastWork } from '../../engine/releases/past-task';
import { jsonObject, shape } from '../schema';

const Places = z.array(z.array(z.string()));

export const ReplayTasksView = shape('ReplayTasks', () =>
  z.object({
    agentId: z.string(),
    environment: z.string(),
    releaseId: z.string(),
    incumbent: z.string().describe('The release whose tasks they are.'),
    wish: z
      .object({
        tasks: z.number().int(),
        sinceMs: z.number(),
        margin: z.number().describe('A pass shows that it does worse in at most this share of the tasks.'),
        compare: z.array(z.enum(COMPARISONS)),
        tolerance: z.object({ numbers: z.number(), ignore: Places, sets: Places }),
      })
      .describe('What the replay stage asks for; to be given back with the verdict.'),
    removed: z.number().int().describe('Tasks more that retention had removed.'),
    items: z.array(z.object({ runId: z.guid(), stepId: z.string(), attempt: z.number().int() })),
  }),
);
export type ReplayTasksView = z.infer<typeof ReplayTasksView>;

export function replayTasksView(
  of: Pick<ReplayTasksView, 'agentId' | 'environment' | 'releaseId' | 'incumbent'>,
  { stage, plan }: { stage: ReplayStage; plan: ReplayPlan },
): ReplayTasksView {
  const { compare, tolerance, ...rest } = wishOf(stage);
  const copied = (places: readonly (readonly string[])[]) => places.map((place) => [...place]);
  const { numbers, ignore, sets } = tolerance;
  return {
    ...of,
    wish: {
      ...{ ...rest, compare: [...compare] },
      tolerance: { numbers, ignore: copied(ignore), sets: copied(sets) },
    },
    removed: plan.removed,
    items: plan.tasks.map(({ runId, stepId, attempt }) => ({ runId, stepId, attempt })),
  };
}

export const PastTaskView = shape('PastTask', () =>
  z.object({
    agentId: z.string(),
    input: jsonObject,
    timeoutSeconds: z.number(),
    calls: z.array(ReplayCall).describe('Tool calls whose result its agent told, in their order.'),
    delivered: z.object({
      ok: z.boolean(),
      output: jsonObject,
      durationMs: z.number(),
      costUsd: z.number(),
    }),
  }),
);
export type PastTaskView = z.infer<typeof PastTaskView>;

export const pastTaskView = ({ step, input, calls, delivery }: PastWork): PastTaskView => ({
  ...{ agentId: step.agentId, input, timeoutSeconds: step.timeoutMs / 1_000, calls: [...calls] },
  delivered: { ...delivery, output: { ...delivery.output } },
});
