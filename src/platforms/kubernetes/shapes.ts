/** Reads what the API server answers, leniently: unknown fields pass. */
import { z } from 'zod';

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
const Selector = z.looseObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z
    .array(
      z.looseObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).nullish(),
      }),
    )
    .optional(),
});
export type Selector = z.infer<typeof Selector>;

const count = z.number().int().nonnegative();
const DeploymentDocument = z.looseObject({
  kind: z.literal('Deployment'),
  metadata: z.looseObject({ generation: count.optional() }),
  // The server fills in the default of `replicas`, so it is there unless the document is cut.
  spec: z.looseObject({ replicas: count.optional(), selector: Selector }),
  status: z.looseObject({ observedGeneration: count.optional() }).optional(),
});

export interface Deployment {
  replicas: number | 'unknown';
  selector: Selector;
  /** Whether the controller has seen the latest change. */
  isCurrent: boolean;
}

/** The Deployment in an answer, or undefined when it is none. */
export function deploymentIn(body: unknown): Deployment | undefined {
  const read = DeploymentDocument.safeParse(body);
  if (!read.success) return undefined;
  const { metadata, spec, status } = read.data;
  const isCurrent =
    metadata.generation !== undefined &&
    status?.observedGeneration !== undefined &&
    status.observedGeneration >= metadata.generation;
  const hasSelector =
    Object.keys(spec.selector.matchLabels ?? {}).length + (spec.selector.matchExpressions ?? []).length > 0;
  // An empty selector would choose every pod of the namespace.
  return hasSelector
    ? { replicas: spec.replicas ?? 'unknown', selector: spec.selector, isCurrent }
    : undefined;
}

/** A selector as the query parameter `labelSelector` wants it. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: Selector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${(values ?? []).join(',')})`;
  });
  return [...labels, ...expressions].join(',');
}

const PodPage = z.looseObject({
  kind: z.literal('PodList'),
  metadata: z.looseObject({ continue: z.string().optional() }),
  items: z.array(z.unknown()).nullable(),
});

/** One page of a list of pods, or undefined when the answer is none. */
export function podPageIn(body: unknown): { count: number; next: string | undefined } | undefined {
  const read = PodPage.safeParse(body);
  if (!read.success) return undefined;
  return { count: read.data.items?.length ?? 0, next: read.data.metadata.continue || undefined };
}
