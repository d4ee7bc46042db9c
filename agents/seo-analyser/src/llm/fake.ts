/** Makes data up that fits a JSON schema: always the same for the same schema, and nobody is asked. */
import { LlmFailure } from './failure';
import type { JsonSchema, Source } from './types';

const MAX = { depth: 8, items: 2 };
/** About as many characters make a token. */
const CHARS_PER_TOKEN = 4;

const FORMATS: Record<string, string> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00',
  duration: 'PT1H',
  email: 'fake@example.com',
  hostname: 'example.com',
  uri: 'https://example.com/',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uuid: '00000000-0000-4000-8000-000000000000',
};

/** Every answer is of provider `fake` and costs nothing; its tokens are a guess from the length. */
export function fakeSource(full: JsonSchema): Source {
  return async ({ system = '', messages }) => {
    const text = JSON.stringify(fakeOf(full));
    const asked = messages.reduce((sum, { content }) => sum + content.length, system.length);
    const usage = {
      provider: 'fake',
      model: 'fake',
      inputTokens: Math.ceil(asked / CHARS_PER_TOKEN),
      outputTokens: Math.ceil(text.length / CHARS_PER_TOKEN),
      costUsd: 0,
    };
    return { text, stop: 'end', usage };
  };
}

/** @throws LlmFailure for a pattern without an example: give one with `.meta({ examples: ['…'] })` */
export function fakeOf(root: JsonSchema): unknown {
  const make = (schema: JsonSchema, path: string[]): unknown => {
    const [example] = (schema.examples as unknown[] | undefined) ?? [];
    if (example !== undefined) return example;
    if ('const' in schema) return schema.const;
    if (Array.isArray(schema.enum)) return schema.enum[0];
    if (typeof schema.$ref === 'string') return make(resolve(root, schema.$ref), path);
    const [either] = (schema.anyOf ?? schema.oneOf ?? []) as JsonSchema[];
    // Beyond the depth the last alternative: in a recursion that is where the end is, as in `nullable`.
    if (either) return make(path.length < MAX.depth ? either : last(schema), path);
    if (Array.isArray(schema.allOf))
      return Object.assign({}, ...schema.allOf.map((one) => make(one as JsonSchema, path)));
    return byType(schema, path, make);
  };
  return make(root, []);
}

type Make = (schema: JsonSchema, path: string[]) => unknown;

function byType(schema: JsonSchema, path: string[], make: Make): unknown {
  switch (schema.type) {
    case 'object': {
      const required = (schema.required as string[] | undefined) ?? [];
      const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
      const wanted = properties.filter(([key]) => path.length < MAX.depth || required.includes(key));
      return Object.fromEntries(wanted.map(([key, one]) => [key, make(one, [...path, key])]));
    }
    case 'array': {
      const {
        minItems = 0,
        maxItems = Infinity,
        items,
      } = schema as { minItems?: number; maxItems?: number; items?: JsonSchema };
      const wanted = path.length < MAX.depth ? MAX.items : 0;
      const length = Math.max(minItems, Math.min(maxItems, wanted));
      return Array.from({ length }, (_, n) => make(items ?? {}, [...path, String(n + 1)]));
    }
    case 'string':
      return fakeString(schema, path);
    case 'integer':
    case 'number':
      return fakeNumber(schema);
    case 'boolean':
      return true;
    default:
      return null;
  }
}

function last(schema: JsonSchema): JsonSchema {
  return ((schema.anyOf ?? schema.oneOf) as JsonSchema[]).at(-1) ?? {};
}

function resolve(root: JsonSchema, ref: string): JsonSchema {
  const path = ref.split('/').slice(1);
  return path.reduce<JsonSchema>((at, key) => (at[key] ?? {}) as JsonSchema, root);
}

function fakeString(schema: JsonSchema, path: string[]): string {
  const {
    minLength = 0,
    maxLength = Infinity,
    format = '',
    pattern,
  } = schema as {
    minLength?: number;
    maxLength?: number;
    format?: string;
    pattern?: string;
  };
  const word = path.at(-1) ?? 'text';
  const plain = `fake ${/^\d+$/.test(word) ? path.slice(-2).join(' ') : word}`;
  const text = FORMATS[format] ?? plain.padEnd(minLength, ' fake').slice(0, maxLength);
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(text))
    throw new LlmFailure(
      'configuration',
      `LLM_MODE=fake cannot make ${path.join('.') || 'a text'} that matches ${pattern}: add .meta({ examples: ['…'] }) to its schema`,
    );
  return text;
}

function fakeNumber(schema: JsonSchema): number {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf, type } = schema as Record<
    'minimum' | 'exclusiveMinimum' | 'maximum' | 'exclusiveMaximum' | 'multipleOf',
    number | undefined
  > & { type: string };
  const low = Math.max(minimum ?? -Infinity, exclusiveMinimum ?? -Infinity);
  const high = Math.min(maximum ?? Infinity, exclusiveMaximum ?? Infinity);
  const step = multipleOf ?? (type === 'integer' ? 1 : undefined);
  if (step !== undefined) {
    const first = Math.max(1, Math.ceil(low / step)) * step;
    const fits = (value: number): boolean =>
      value >= (minimum ?? -Infinity) &&
      value > (exclusiveMinimum ?? -Infinity) &&
      value <= (maximum ?? Infinity) &&
      value < (exclusiveMaximum ?? Infinity);
    return (
      [first, first + step, Math.floor(high / step) * step].find(fits) ??
      Math.floor(high / step) * step - step
    );
  }
  if (low < 1 && high > 1) return 1;
  if (Number.isFinite(low) && Number.isFinite(high)) return (low + high) / 2;
  return Number.isFinite(low) ? low + 1 : high - 1;
}
