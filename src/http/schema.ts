/** Parts that the shapes of this API are made of, and the names under which OpenAPI lists them. */
import { z } from 'zod';
import { decodeCursor } from '../store/cursor';

/** Schemas with a name of their own in the OpenAPI document. */
export const named = z.registry<{ id: string }>();

/** Names a schema. Each name once: two shapes under one name would make the document lie. */
export function name<T extends z.ZodType>(id: string, schema: T): T {
  named.add(schema, { id });
  return schema;
}

/**
 * Declares a named schema that is built when somebody first needs it. Most are never needed: answers are not checked
 * against theirs, so an orchestrator builds them only for whoever asks for the OpenAPI document.
 */
export const shape = <T extends z.ZodType>(id: string, build: () => T): z.ZodLazy<T> =>
  name(id, z.lazy(build));

export const isoTime = z.iso.datetime({ offset: true });
/** Not reached yet, or not known. */
export const maybeTime = isoTime.nullable();
export const maybeMs = z.number().nonnegative().nullable().describe('Milliseconds.');
export const jsonObject = z.record(z.string(), z.unknown());

/** Ids people choose. No control characters: they would reach the store's text columns. */
export const idText = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'holds control characters');
/** As the store writes it. */
export const runId = z.guid().toLowerCase();

export const DEFAULT_PAGE = 50;
export const MAX_PAGE = 200;

export const pageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE)
    .default(DEFAULT_PAGE)
    .describe('How many items at most.'),
  cursor: z
    .string()
    .max(500)
    .refine(isCursor, { message: 'is not a cursor: use nextCursor of the page before' })
    .optional()
    .describe('`nextCursor` of the page before.'),
};

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('Cursor of the next page; null on the last one.'),
  });

function isCursor(text: string): boolean {
  try {
    const { id } = decodeCursor(text);
    return idText.safeParse(id).success;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
