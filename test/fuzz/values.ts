/** Values for a JSON schema: what it asks for, what is nearly that, and what nobody would send in good faith. */
import fc from 'fast-check';
import { z } from 'zod';

interface JsonSchema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema | boolean;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  format?: string;
}

/** What exists in the installation, by the name of the field that asks for it, as it is when a value is made. */
export interface Known {
  name(field: string, n: number): string | undefined;
}

/** More names than are kept of one field. */
export const ANY = fc.nat(9_999);

/** Fields whose values are looked up. */
const NAMES: ReadonlySet<string> = new Set([
  ...[
    'runId',
    'run',
    'otherId',
    'workflowId',
    'workflow',
    'stepId',
    'fromStep',
    'agentId',
    'agent',
    'agents',
  ],
  ...['capsuleId', 'keyId', 'bin', 'token', 'secret', 'key', 'releaseId', 'release', 'parent', 'sha256'],
  ...[
    'environment',
    'promoteFrom',
    'rolloutId',
    'deploymentId',
    'switchId',
    'alertId',
    'stopId',
    'protocolId',
  ],
  ...['budgetId', 'buildId', 'subject', 'who'],
]);

/** Lists and texts are kept shorter than a schema allows: size has kinds of its own below. */
const MAX_ITEMS = 3;
const MAX_TEXT = 40;

/** Texts that have broken software before. */
export const HOSTILE_TEXTS = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '../../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  '%00',
  '%c0%ae%c0%ae/',
  '%',
  "'; DROP TABLE ledger; --",
  "' OR '1'='1",
  '${7*7}{{7*7}}',
  '<script>alert(1)</script>',
  '=HYPERLINK("http://evil.test")',
  '\r\nSet-Cookie: a=b',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '-1',
  '1e309',
  'NaN',
  '9007199254740993',
  '99999999999999999999',
  '0x10',
  '2026-02-30T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '00000000-0000-0000-0000-000000000000',
  'eyJhIjoxfQ',
  '\u202e\u2066',
  '\u{1F480}'.repeat(20),
  'x'.repeat(5_000),
] as const;

const HOSTILE_NUMBERS = [
  0,
  -0,
  -1,
  0.1,
  1e21,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  8_640_000_000_000_001,
];

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};

/** Of all code points, halves of pairs included. That of fast-check takes a second to be made. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.nat(0x10ffff), { maxLength: MAX_TEXT })
  .map((points) => String.fromCodePoint(...points));

/** Any JSON at all, the worst of it included. */
export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...HOSTILE_TEXTS),
  fc.constantFrom<unknown>(...HOSTILE_NUMBERS),
  fc.constantFrom<unknown>(null, true, false, [], {}, deep(30), deep(70), [[]], [null]),
  fc.constant(
    JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}') as unknown,
  ),
  anyText,
  fc.jsonValue({ maxDepth: 3 }),
);

const schemas = new WeakMap<z.ZodType, JsonSchema>();

/** The schema of what comes in. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const known = schemas.get(schema);
  if (known) return known;
  const made = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
  }) as JsonSchema;
  schemas.set(schema, made);
  return made;
}

/** What fits a schema; identifiers are those of the installation now and then. */
export function fitting(schema: JsonSchema, known: Known, field = ''): fc.Arbitrary<unknown> {
  const fits = shaped(schema, known, field);
  if (!NAMES.has(field) || !takesText(schema)) return fits;
  const real = ANY.map((n) => known.name(field, n) ?? 'none');
  return fc.oneof({ weight: 4, arbitrary: real }, fits);
}

const takesText = ({ type, anyOf, oneOf }: JsonSchema): boolean =>
  type === 'string' || (anyOf ?? oneOf ?? []).some(takesText);

function shaped(schema: JsonSchema, known: Known, field: string): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map((choice) => fitting(choice, known, field)));
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return objectOf(schema, known);
    case 'array':
      return listOf(schema, known, field);
    case 'string':
      return textOf(schema);
    case 'integer':
    case 'number':
      return numberOf(schema, type);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectOf({ properties = {}, required = [], additionalProperties }: JsonSchema, known: Known) {
  const members = Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [key, fitting(value, known, key)]),
  );
  const named = fc.record(members, { requiredKeys: required.filter((key) => key in members) });
  if (typeof additionalProperties !== 'object' || Object.keys(members).length > 0) return named;
  return fc.dictionary(fc.string({ maxLength: 10 }), fitting(additionalProperties, known), {
    maxKeys: MAX_ITEMS,
  });
}

function listOf({ items, minItems = 0, maxItems = MAX_ITEMS }: JsonSchema, known: Known, field: string) {
  const item = typeof items === 'object' ? fitting(items, known, field) : fc.jsonValue({ maxDepth: 1 });
  const most = Math.max(minItems, Math.min(maxItems, MAX_ITEMS));
  return fc.array(item, { minLength: minItems, maxLength: most });
}

function textOf({ format, minLength = 0, maxLength = MAX_TEXT }: JsonSchema): fc.Arbitrary<unknown> {
  if (format === 'date-time') return fc.date({ noInvalidDate: true, min: new Date(0) }).map(isoOf);
  if (format === 'uuid' || format === 'guid') return fc.uuid();
  if (format === 'uri') return fc.webUrl();
  return textBetween(minLength, Math.max(minLength, Math.min(maxLength, MAX_TEXT)));
}

const texts = new Map<string, fc.Arbitrary<string>>();

/** Each is made once: making one takes a millisecond, and schemas hold hundreds of the same. */
function textBetween(minLength: number, maxLength: number): fc.Arbitrary<string> {
  const length = `${minLength}-${maxLength}`;
  const made = texts.get(length) ?? fc.string({ minLength, maxLength });
  texts.set(length, made);
  return made;
}

const isoOf = (date: Date): string => date.toISOString();

function numberOf({ minimum, maximum }: JsonSchema, type: 'integer' | 'number') {
  const min = Math.max(minimum ?? 0, -Number.MAX_SAFE_INTEGER);
  const max = Math.max(min, Math.min(maximum ?? 1_000, Number.MAX_SAFE_INTEGER));
  return type === 'integer' ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true });
}

/** Where a value is spoilt, and how. */
export interface Blow {
  bad: unknown;
  at: number;
  remove: boolean;
}
export const blow: fc.Arbitrary<Blow> = fc.record({ bad: hostile, at: fc.nat(50), remove: fc.boolean() });

/** One place of a fitting value is spoilt: taken away, of another type, or hostile. */
export const nearly = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.tuple(value, blow).map(([whole, how]) => spoilt(whole, how));

export function spoilt(whole: unknown, { bad, at, remove }: Blow): unknown {
  const places = placesOf(whole);
  const place = places[at % Math.max(1, places.length)];
  if (!place) return bad;
  const copy = structuredClone(whole);
  let parent = copy as Record<string, unknown>;
  for (const key of place.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
  const last = place.at(-1) as string;
  const value = { value: bad, enumerable: true, configurable: true, writable: true };
  if (remove) delete parent[last];
  else Object.defineProperty(parent, last, value);
  return copy;
}

function placesOf(value: unknown, above: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((key) => {
    const here = [...above, key];
    return [here, ...placesOf((value as Record<string, unknown>)[key], here)];
  });
}
