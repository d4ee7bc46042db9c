/** From a zod schema to what structured outputs understand, and from an answer back to checked data. */
import * as z from 'zod';
import { LlmFailure } from './failure';
import type { JsonSchema } from './types';

/** String formats that structured outputs know. */
const FORMATS = ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid'];
const KEPT = new Set(['type', 'enum', 'const', '$ref', 'description', 'title', 'required']);
/** Said by other means: `additionalProperties` is always false, the dialect is a matter of the API. */
const IMPLIED = new Set(['$schema', 'additionalProperties', 'examples', 'default', 'id']);
/** Cannot be enforced, nor told in a way that models follow. */
const REFUSED = ['prefixItems', 'patternProperties', 'propertyNames', 'not'];
const MAX_ISSUES = 20;

/**
 * The full JSON schema of what a model may answer, before zod's own defaults and transformations.
 * @throws LlmFailure when JSON cannot hold it
 */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  try {
    return z.toJSONSchema(schema, { io: 'input' });
  } catch (error) {
    throw new LlmFailure('configuration', `schema: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Both providers refuse keywords they cannot enforce (lengths, ranges, patterns): those go into the description,
 * where the model reads them, and zod checks them afterwards.
 * @throws LlmFailure for what cannot be asked for
 */
export function wireSchema(full: JsonSchema, path = 'schema'): JsonSchema {
  refuse(full, path);
  const wire: JsonSchema = {};
  const told: string[] = [];
  for (const [keyword, value] of Object.entries(full)) {
    if (KEPT.has(keyword)) wire[keyword] = value;
    else if (keyword === 'properties' || keyword === '$defs')
      wire[keyword] = mapValues(value as Record<string, JsonSchema>, (one, key) =>
        wireSchema(one, `${path}.${key}`),
      );
    else if (keyword === 'items') wire.items = wireSchema(value as JsonSchema, `${path}[]`);
    else if (keyword === 'anyOf' || keyword === 'oneOf' || keyword === 'allOf')
      wire[keyword === 'allOf' ? keyword : 'anyOf'] = (value as JsonSchema[]).map((one) =>
        wireSchema(one, path),
      );
    else if (keyword === 'format' && FORMATS.includes(String(value))) wire.format = value;
    else if (keyword === 'minItems' && (value === 0 || value === 1)) wire.minItems = value;
    else if (keyword === 'pattern' && !FORMATS.includes(String(full.format)))
      told.push(`pattern: ${String(value)}`);
    else if (keyword !== 'pattern' && !IMPLIED.has(keyword))
      told.push(`${keyword}: ${JSON.stringify(value)}`);
  }
  if (wire.type === 'object')
    Object.assign(wire, { properties: wire.properties ?? {}, additionalProperties: false });
  if (told.length > 0)
    wire.description = [wire.description, `(${told.join(', ')})`].filter(Boolean).join(' ');
  return wire;
}

function refuse(full: JsonSchema, path: string): void {
  const rest = full.additionalProperties;
  const open = typeof rest === 'object' && rest !== null && Object.keys(rest).length > 0;
  const keyword = open ? 'additionalProperties' : REFUSED.find((one) => one in full);
  if (keyword !== undefined)
    throw new LlmFailure(
      'configuration',
      `${path}: structured outputs know no ${keyword}; instead of a record ask for an array of { key, value }, instead of a tuple for an object`,
    );
  if (!['type', 'enum', 'const', '$ref', 'anyOf', 'oneOf', 'allOf'].some((one) => one in full))
    throw new LlmFailure('configuration', `${path}: structured outputs need a type, not "any" or "unknown"`);
}

function mapValues<A, B>(record: Record<string, A>, change: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}

/** Whether every property of every object is required, which is what OpenAI's strict mode wants. */
export function isStrict(wire: unknown): boolean {
  if (Array.isArray(wire)) return wire.every(isStrict);
  if (typeof wire !== 'object' || wire === null) return true;
  const { type, properties, required } = wire as { type?: unknown; properties?: object; required?: string[] };
  if (type === 'object' && Object.keys(properties ?? {}).some((key) => !required?.includes(key)))
    return false;
  return Object.values(wire).every(isStrict);
}

export type Checked<T> = { output: T } | { issues: string[] };

/** The answer as data, or what is wrong with it, field by field. A code fence around the JSON is forgiven. */
export function checkAnswer<T>(text: string, schema: z.ZodType<T>): Checked<T> {
  const bare = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(text)?.[1] ?? text;
  let data: unknown;
  try {
    data = JSON.parse(bare);
  } catch (error) {
    return { issues: [`the answer is not JSON: ${(error as Error).message}`] };
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return { output: parsed.data };
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'answer'}: ${message}`);
  return { issues: issues.slice(0, MAX_ISSUES) };
}
