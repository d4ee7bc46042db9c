/** The OpenAPI 3.1 document, made from the routes and from the schemas that check each request. */
import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from './problem-catalogue';
import type { Access, Route } from './route';
import { shape, named } from './schema';
import { asksForScope, scopeOf } from './scopes';

/** The version of this API: its major number changes when a client that works today could break. */
const API_VERSION = '1.0.0';

type Json = Record<string, unknown>;

const ProblemDetails = shape('Problem', () =>
  z
    .object({
      type: z.string(),
      title: z.string(),
      status: z.number().int(),
      detail: z.string().optional().describe('What is wrong in this very case.'),
      code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
      hint: z.string().describe('What to do.'),
      errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
      runId: z.guid().optional().describe('With idempotency-key-reused: the run the key belongs to.'),
      stepId: z.string().optional().describe('With step-not-reached: the first step to start again from.'),
      buildId: z.string().optional().describe('With build-under-way: the build.'),
      requestId: z.string().describe("Names this request in the orchestrator's log."),
    })
    .describe('RFC 9457 problem details.'),
);

const BY_KEY: Json[] = [{ apiKey: [] }, { session: [] }];
const SECURITY: Record<Access, Json[]> = {
  viewer: BY_KEY,
  operator: BY_KEY,
  approver: BY_KEY,
  admin: BY_KEY,
  key: BY_KEY,
  login: [],
  provider: [],
  callback: [{ callbackToken: [] }],
  agent: [],
  hook: [],
  inbox: [],
  open: [],
};

/** What any route of an access may answer besides its own problems. */
const SCOPED: ProblemCode[] = [
  'unauthorized',
  'loopback-only',
  'scope-missing',
  'cross-site',
  'rate-limited',
  'internal-error',
  'unavailable',
];
const COMMON_PROBLEMS: Record<Access, ProblemCode[]> = {
  viewer: SCOPED,
  operator: SCOPED,
  approver: SCOPED,
  admin: SCOPED,
  key: SCOPED,
  login: ['rate-limited', 'internal-error', 'unavailable'],
  provider: ['rate-limited', 'internal-error', 'unavailable'],
  callback: ['rate-limited', 'unavailable'],
  agent: ['rate-limited', 'internal-error', 'unavailable'],
  hook: ['rate-limited', 'internal-error', 'unavailable'],
  inbox: ['inbox-off', 'rate-limited', 'internal-error', 'unavailable'],
  open: ['rate-limited'],
};
const BODY_PROBLEMS: ProblemCode[] = [
  'invalid-request',
  'invalid-json',
  'body-too-large',
  'unsupported-media-type',
];

const TAGS: Array<{ name: string; description: string }> = [
  { name: 'runs', description: 'One execution of a workflow each.' },
  { name: 'workflows', description: 'What runs, and when.' },
  { name: 'agents', description: 'Who does the work, and what they call themselves.' },
  { name: 'capsules', description: 'What is awake, and what was billed.' },
  { name: 'approvals', description: 'What people are asked, and how far agents are trusted.' },
  { name: 'inbox', description: 'What agents delivered, for people who write agents.' },
  { name: 'audit', description: 'What was done, by whom, and whether the record of it is whole.' },
  { name: 'people', description: 'Keys, logins, and who may do what.' },
  { name: 'operation', description: 'Whether all is well.' },
  { name: 'docs', description: 'This document.' },
];

export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Reveille',
      version: API_VERSION,
      description:
        'Wakes agents, runs them, and lets them sleep. Times are ISO 8601, durations milliseconds.',
      license: { name: 'UNLICENSED', identifier: 'LicenseRef-UNLICENSED' },
    },
    servers: [{ url: '/' }],
    tags: TAGS,
    paths,
    components: { schemas: componentSchemas(), securitySchemes: securitySchemes() },
  };
}

function operation(route: Route): Json {
  const { operationId, tag, summary, description, access } = route;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(asksForScope(route) && { 'x-scope': scopeOf(access) }),
    security: SECURITY[access],
    parameters: parameters(route),
    ...requestBody(route),
    responses: { ...successes(route), ...problemResponses(route) },
  };
}

function requestBody({ body, bodyOptional, anyBody }: Route): Json {
  if (anyBody) return { requestBody: { required: false, content: { '*/*': { schema: {} } } } };
  if (!body) return {};
  return {
    requestBody: {
      required: bodyOptional !== true,
      content: { 'application/json': { schema: ref(body) } },
    },
  };
}

function parameters({ params, query, idempotent, access }: Route): Json[] {
  const isToken = (key: string) => access === 'callback' && key === 'token';
  return [
    ...members(params, 'path'),
    // The token is the route's security scheme already.
    ...members(query, 'query').filter(({ name: key }) => !isToken(String(key))),
    ...(idempotent
      ? [
          {
            name: 'Idempotency-Key',
            in: 'header',
            required: false,
            description: 'The same request with the same key is done once, however often it is sent.',
            schema: { type: 'string', minLength: 1, maxLength: 255 },
          },
        ]
      : []),
  ];
}

function members(schema: z.ZodObject | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = toJsonSchema(schema) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([key, { description, ...property }]) => ({
    name: key,
    in: place,
    required: place === 'path' || required.includes(key),
    ...(description !== undefined && { description }),
    schema: property,
  }));
}

function successes({ responses }: Route): Json {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, schema, contentType, headers }]) => {
      const content = schema
        ? { 'application/json': { schema: ref(schema) } }
        : contentType && { [contentType]: { schema: { type: 'string' } } };
      const named = Object.entries(headers ?? {}).map(([header, text]) => [
        header,
        { description: text, schema: { type: 'string' } },
      ]);
      return [
        status,
        {
          description,
          ...(content && { content }),
          ...(named.length > 0 && { headers: Object.fromEntries(named) as Json }),
        },
      ];
    }),
  );
}

/** One response for each status, its description naming the codes. A status of the route's own goes first. */
function problemResponses(route: Route): Json {
  const takesInput = route.params ?? route.query;
  const codes = new Set<ProblemCode>([
    ...route.problems,
    ...(route.body ? BODY_PROBLEMS : takesInput ? (['invalid-request'] as const) : []),
    ...COMMON_PROBLEMS[route.access],
  ]);
  const statuses = new Set([...codes].map((code) => PROBLEMS[code].status));
  const free = [...statuses].filter((status) => !(status in route.responses));
  return Object.fromEntries(
    free.map((status) => {
      const lines = [...codes]
        .filter((code) => PROBLEMS[code].status === status)
        .map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`);
      const content = { 'application/problem+json': { schema: ref(ProblemDetails) } };
      return [status, { description: lines.join('\n\n'), content }];
    }),
  );
}

const securitySchemes = (): Json => ({
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key. Where none is configured, only this machine may call and needs no key.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-reveille_session',
    description: 'A login of the dashboard, see POST /session. Changes need the header X-CSRF-Token as well.',
  },
  callbackToken: {
    type: 'apiKey',
    in: 'query',
    name: 'token',
    description: 'Part of the webhook URL an agent is given; good for one attempt.',
  },
});

const location = (id: string): string => `#/components/schemas/${id}`;

/** A reference to a named schema, or the schema itself. */
function ref(schema: z.ZodType): Json {
  const id = named.get(schema)?.id;
  return id === undefined ? toJsonSchema(schema) : { $ref: location(id) };
}

function componentSchemas(): Json {
  const { schemas } = z.toJSONSchema(named, { ...OPTIONS, uri: location });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)]));
}

const toJsonSchema = (schema: z.ZodType): Json => bare(z.toJSONSchema(schema, OPTIONS));

const OPTIONS = {
  io: 'input',
  /** The format says it; the pattern beside it fills the screen. */
  override: ({ jsonSchema }: { jsonSchema: Json }) => {
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  },
} as const;

/** Without what the document says once for all. */
function bare(schema: object): Json {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'));
}
