/** Reads the capsule documents of both APIs, leniently: unknown fields pass, odd values are unknown. */
import { z } from 'zod';
import type { CapsuleMake, Observation } from '../platform';

const count = z
  .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
  .pipe(z.number().int().nonnegative());
const maybeCount = count.optional().catch(undefined);
const section = <T extends z.ZodRawShape>(shape: T) => z.looseObject(shape).optional().catch(undefined);

/**
 * The replicas that exist, wherever the document says so. Counts of ready or available replicas
 * are left out on purpose: they leave out starting and terminating ones, which cost money too.
 */
const Capsule = z.looseObject({
  scaling: section({
    desiredReplicas: maybeCount,
    runningReplicas: maybeCount,
    currentReplicas: maybeCount,
  }),
  products: section({ replicaScale: section({ qty: maybeCount }) }),
  desiredReplicas: maybeCount,
  runningReplicas: maybeCount,
  currentReplicas: maybeCount,
});

/** The capsule inside an answer: bare, or wrapped as `{ data }` as the central API does. */
function unwrap(body: unknown): unknown {
  const wrapped = z.looseObject({ data: z.looseObject({}) }).safeParse(body);
  return wrapped.success ? wrapped.data.data : body;
}

/** What a capsule document says of its replicas, or undefined when it is no capsule document. */
export function observationIn(body: unknown): Observation | undefined {
  const parsed = Capsule.safeParse(unwrap(body));
  if (!parsed.success) return undefined;
  const { scaling, products, ...top } = parsed.data;
  return {
    desired:
      scaling?.desiredReplicas ?? products?.replicaScale?.qty ?? top.desiredReplicas ?? ('unknown' as const),
    running:
      scaling?.runningReplicas ??
      scaling?.currentReplicas ??
      top.runningReplicas ??
      top.currentReplicas ??
      ('unknown' as const),
  };
}

const quantity = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number),
  ])
  .pipe(z.number().nonnegative());
const size = z.object({ qty: quantity, unit: z.string().min(1) });
const Sizes = z.object({
  cpu: size,
  memory: size,
  storage: size,
  // Not among the required four, but a capsule that has one must keep it.
  gpu: z.looseObject({ qty: quantity }).optional(),
});

export type Sizes = z.infer<typeof Sizes>;

/** The sizes a capsule has now, or the fields that are missing for them to be sent back unchanged. */
export function sizesIn(body: unknown): { sizes: Sizes } | { missing: string[] } {
  const holder = z.looseObject({ products: z.unknown() }).safeParse(unwrap(body));
  const parsed = Sizes.safeParse(holder.success ? holder.data.products : undefined);
  if (parsed.success) {
    const { gpu, ...sizes } = parsed.data;
    return { sizes: gpu && gpu.qty > 0 ? { ...sizes, gpu } : sizes };
  }
  return { missing: parsed.error.issues.map((issue) => ['products', ...issue.path].join('.')) };
}

/** Its type and sizes, as far as the document tells them; undefined when it tells no size. */
export function makeIn(body: unknown): CapsuleMake | undefined {
  const read = sizesIn(body);
  if ('missing' in read) return undefined;
  const { cpu, memory, storage, gpu } = read.sizes;
  const told = { cpu, memory, storage };
  const sizes = Object.fromEntries(Object.entries(told).map(([of, { qty, unit }]) => [of, `${qty} ${unit}`]));
  const typed = z.looseObject({ type: z.string().min(1) }).safeParse(unwrap(body));
  return {
    ...(typed.success && { type: typed.data.type }),
    sizes: { ...sizes, ...(gpu && { gpu: String(gpu.qty) }) },
  };
}
