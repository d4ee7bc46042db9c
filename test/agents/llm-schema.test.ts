/** From zod to what structured outputs understand, and data made up from a schema. */
import { z } from 'zod';
import { fakeOf } from '../../agents/_template/src/llm/fake';
import { checkAnswer, isStrict, jsonSchema, wireSchema } from '../../agents/_template/src/llm/schema';
import { llmWith, Verdict } from './llm-support';

const wire = (schema: z.ZodType) => wireSchema(jsonSchema(schema));

test('objects are closed; limits that cannot be enforced are told in words', () => {
  const schema = z.object({
    title: z.string().min(1).max(200).describe('In the language of the site.'),
    tags: z
      .array(z.string().regex(/^[a-z]+$/))
      .min(2)
      .max(5),
    mail: z.email(),
    score: z.int().min(0).max(100).optional(),
  });
  expect(wire(schema)).toEqual({
    type: 'object',
    properties: {
      title: { type: 'string', description: 'In the language of the site. (minLength: 1, maxLength: 200)' },
      tags: {
        type: 'array',
        items: { type: 'string', description: '(pattern: ^[a-z]+$)' },
        description: '(minItems: 2, maxItems: 5)',
      },
      mail: { type: 'string', format: 'email' },
      score: { type: 'integer', description: '(minimum: 0, maximum: 100)' },
    },
    required: ['title', 'tags', 'mail'],
    additionalProperties: false,
  });
});

test('alternatives and shared parts are followed', () => {
  const Part = z.object({ text: z.string().max(5) }).meta({ id: 'Part' });
  const schema = wire(z.object({ a: Part, b: z.union([Part, z.null()]) }));
  expect(schema).toMatchObject({
    properties: { a: { $ref: '#/$defs/Part' }, b: { anyOf: [{ $ref: '#/$defs/Part' }, { type: 'null' }] } },
    $defs: {
      Part: { type: 'object', additionalProperties: false, properties: { text: { type: 'string' } } },
    },
  });
  expect(JSON.stringify(schema)).not.toContain('"maxLength"');
});

test('only a schema without optional fields is strict for OpenAI', () => {
  expect(isStrict(wire(Verdict))).toBe(true);
  expect(isStrict(wire(z.object({ list: z.array(z.object({ a: z.string().optional() })) })))).toBe(false);
});

test.each<[what: string, schema: z.ZodType, place: RegExp]>([
  [
    'a record',
    z.object({ by: z.record(z.string(), z.number()) }),
    /^schema\.by: .*array of \{ key, value \}/,
  ],
  ['a tuple', z.object({ pair: z.tuple([z.string(), z.number()]) }), /^schema\.pair: .*prefixItems/],
  ['anything', z.object({ list: z.array(z.unknown()) }), /^schema\.list\[\]: .*need a type/],
  ['a date', z.object({ at: z.date() }), /^schema: .*Date/],
])('%s cannot be asked for, which is said before anybody is asked', async (_what, schema, place) => {
  const { llm, ctx } = llmWith({});
  const asked = llm.ask({ name: 'x', schema, prompt: 'x', maxTokens: 10 });
  await expect(asked).rejects.toMatchObject({
    kind: 'configuration',
    message: expect.stringMatching(place) as string,
  });
  expect(ctx.usages).toEqual([]);
});

test('an answer in a code fence is read, another text is not', () => {
  const good = { verdict: 'good', why: 'short' };
  expect(checkAnswer('```json\n{"verdict":"good","why":"short"}\n```', Verdict)).toEqual({ output: good });
  expect(checkAnswer('Sure! {"verdict":"good"}', Verdict)).toEqual({
    issues: [expect.stringMatching(/^the answer is not JSON/)],
  });
  expect(checkAnswer('{"verdict":"fair","why":"x"}', Verdict)).toEqual({
    issues: [expect.stringMatching(/^verdict: /), expect.stringMatching(/^why: /)],
  });
});

type Tree = { name: string; children: Tree[] };
const Tree: z.ZodType<Tree> = z.lazy(() => z.object({ name: z.string(), children: z.array(Tree) }));

test.each<[what: string, schema: z.ZodType]>([
  ['texts with lengths', z.object({ a: z.string().min(30), b: z.string().max(4), c: z.string().length(12) })],
  [
    'formats',
    z.object({ a: z.email(), b: z.url(), c: z.uuid(), d: z.iso.datetime(), e: z.iso.date(), f: z.ipv4() }),
  ],
  [
    'whole numbers',
    z.object({ a: z.int().min(3), b: z.int().max(-7), c: z.int().gt(4).lt(6), d: z.int().multipleOf(5) }),
  ],
  [
    'numbers',
    z.object({
      a: z.number().min(0).max(1),
      b: z.number().gt(0).lt(0.1),
      c: z.number().max(-1),
      d: z.number(),
    }),
  ],
  ['lists', z.object({ a: z.array(z.string()).min(3), b: z.array(z.int()).max(1), c: z.array(z.boolean()) })],
  [
    'alternatives',
    z.object({ a: z.enum(['x', 'y']), b: z.literal(4), c: z.union([z.string(), z.int()]), d: z.null() }),
  ],
  [
    'discriminated',
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('a'), n: z.int() }),
      z.object({ kind: z.literal('b') }),
    ]),
  ],
  [
    'optional and defaulted',
    z.object({ a: z.string().optional(), b: z.int().default(3), c: z.string().nullable() }),
  ],
  [
    'intersections',
    z.object({ both: z.intersection(z.object({ a: z.string() }), z.object({ b: z.int() })) }),
  ],
  [
    'a pattern and an example of it',
    z.object({
      name: z
        .string()
        .regex(/^[A-Z]{3}$/)
        .meta({ examples: ['ABC'] }),
    }),
  ],
  ['recursion', Tree],
])('made-up data fits a schema with %s, and is the same each time', (_what, schema) => {
  const data = fakeOf(jsonSchema(schema));
  expect(schema.safeParse(data)).toMatchObject({ success: true });
  expect(fakeOf(jsonSchema(schema))).toEqual(data);
});

test('a pattern needs an example to be made up', async () => {
  const schema = z.object({ sku: z.string().regex(/^[A-Z]{3}-\d+$/) });
  const { llm } = llmWith({ LLM_MODE: 'fake' });
  await expect(llm.ask({ name: 'x', schema, prompt: 'x', maxTokens: 10 })).rejects.toMatchObject({
    kind: 'configuration',
    message: expect.stringMatching(/cannot make sku that matches .*meta\(\{ examples/) as string,
  });
});

test('fake mode asks nobody and says that it is fake in the usage', async () => {
  const { llm, ctx } = llmWith({ LLM_MODE: 'fake', ANTHROPIC_API_KEY: undefined });
  const asked = await llm.ask({ name: 'x', schema: Verdict, prompt: 'x'.repeat(400), maxTokens: 10 });
  expect(asked).toEqual({ output: { verdict: 'good', why: 'fake why' }, provider: 'fake', model: 'fake' });
  expect(ctx.usages).toEqual([
    {
      provider: 'fake',
      model: 'fake',
      inputTokens: 100,
      outputTokens: expect.any(Number) as number,
      costUsd: 0,
    },
  ]);
});
