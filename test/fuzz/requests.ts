/** Requests for every route: valid, nearly valid and hostile, and some for no route at all. */
import fc from 'fast-check';
import type { Route } from '../../src/http/route';
import { fitting, hostile, HOSTILE_TEXTS, jsonSchemaOf, nearly, type Known } from './values';

export interface FuzzRequest {
  method: string;
  /** Encoded, with its query. */
  path: string;
  headers: Record<string, string>;
  body?: string;
  /** The route it was made for; absent: for none. */
  operationId?: string;
}

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD'];
const TYPES = [
  'text/plain',
  'application/xml',
  'application/json; charset=utf-16',
  'multipart/form-data',
  'json',
];
/** What a path may hold as it is sent; everything else goes percent-encoded. */
const RAW_PATH = /^[\x21-\x22\x24-\x3e\x40-\x7e]*$/;

/** Who calls, as headers: credentials are the business of whoever runs the campaign. */
export type Callers = fc.Arbitrary<Record<string, string>>;

export function requestsFor(
  routes: readonly Route[],
  known: Known,
  callers: Callers,
): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(...routes.map((route) => ({ weight: 10, arbitrary: requestOf(route, known, callers) })), {
    weight: 20,
    arbitrary: stray(callers),
  });
}

function requestOf(route: Route, known: Known, callers: Callers): fc.Arbitrary<FuzzRequest> {
  const method = fc.oneof(
    { weight: 19, arbitrary: fc.constant(route.method.toUpperCase()) },
    { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
  );
  return fc
    .record({
      method,
      path: pathOf(route, known),
      query: queryOf(route, known),
      caller: callers,
      extra: extraHeaders(route),
      body: bodyOf(route, known),
    })
    .map(({ method, path, query, caller, extra, body }) => ({
      method,
      path: path + query,
      headers: { ...caller, ...(body !== undefined && { 'content-type': 'application/json' }), ...extra },
      ...(body !== undefined && !['GET', 'HEAD'].includes(method) && { body }),
      operationId: route.operationId,
    }));
}

function pathOf(route: Route, known: Known): fc.Arbitrary<string> {
  const parts = route.path.split('/').map((part) => {
    if (!part.startsWith(':')) return fc.constant(part);
    const field = part.slice(1);
    const real = known[field] ?? [];
    return fc.oneof(
      { weight: 14, arbitrary: real.length > 0 ? fc.constantFrom(...real) : fc.uuid() },
      { weight: 1, arbitrary: fc.uuid() },
      { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_TEXTS).map(inPath) },
    );
  });
  return fc.tuple(...parts).map((texts) => texts.join('/'));
}

/** As an attacker sends it, where a request line can hold that. */
const inPath = (text: string): string => (RAW_PATH.test(text) ? text : encode(text)).slice(0, 6_000);

/** Halves of surrogate pairs have no encoding. */
const encode = (text: string): string => encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));

function queryOf(route: Route, known: Known): fc.Arbitrary<string> {
  const schema = route.query && jsonSchemaOf(route.query);
  if (!schema) return fc.oneof({ weight: 9, arbitrary: fc.constant('') }, strangeQuery);
  const value = fitting(schema, known) as fc.Arbitrary<Record<string, unknown>>;
  const fit = value.map(searchOf);
  const near = nearly(value).map((v) => (typeof v === 'object' && v !== null ? searchOf(v) : ''));
  return fc.oneof(
    { weight: 5, arbitrary: fit },
    { weight: 3, arbitrary: near },
    { weight: 1, arbitrary: strangeQuery },
  );
}

const strangeQuery = fc
  .array(
    fc.tuple(
      fc.constantFrom('a', 'token', 'limit', 'cursor', '__proto__', 'a[b]', ''),
      fc.constantFrom(...HOSTILE_TEXTS),
    ),
  )
  .map((pairs) =>
    pairs.length === 0 ? '' : `?${pairs.map(([k, v]) => `${encode(k)}=${encode(v)}`).join('&')}`,
  )
  .map((text) => text.slice(0, 6_000));

function searchOf(value: object): string {
  const pairs = Object.entries(value).flatMap(([key, member]) =>
    (Array.isArray(member) ? member : [member]).map((one) => {
      const text = typeof one === 'object' ? JSON.stringify(one) : String(one);
      return `${encode(key)}=${encode(text)}`;
    }),
  );
  return pairs.length > 0 ? `?${pairs.join('&')}`.slice(0, 8_000) : '';
}

function bodyOf(route: Route, known: Known): fc.Arbitrary<string | undefined> {
  if (!route.body) {
    const rare = fc.oneof(hostile.map(asText), fc.string());
    return fc.oneof(
      { weight: 8, arbitrary: fc.constant(undefined) },
      { weight: route.anyBody ? 8 : 1, arbitrary: rare },
    );
  }
  const value = fitting(jsonSchemaOf(route.body), known);
  return fc.oneof(
    { weight: 16, arbitrary: value.map(asText) },
    { weight: 6, arbitrary: nearly(value).map(asText) },
    { weight: 2, arbitrary: hostile.map(asText) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '{', '[', '{"a":1e999}', '{"a":1,"a":2}', '\ufeff{}', '[]'.repeat(99)),
    },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

const asText = (value: unknown): string => JSON.stringify(value) ?? '';

function extraHeaders(route: Route): fc.Arbitrary<Record<string, string>> {
  const key = fc.constantFrom('a', 'same-key', 'x'.repeat(255), 'x'.repeat(256), ' ', '\u00e9');
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant<Record<string, string>>({}) },
    { weight: route.idempotent ? 4 : 1, arbitrary: key.map((text) => ({ 'idempotency-key': text })) },
    { weight: 1, arbitrary: fc.constantFrom(...TYPES).map((text) => ({ 'content-type': text })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('gzip', 'br', 'x').map((text) => ({ 'content-encoding': text })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('cross-site', 'none', 'x').map((text) => ({ 'sec-fetch-site': text })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', 'x', '-5', '9'.repeat(30)).map((text) => ({ 'last-event-id': text })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('v1,AAAA', 'v1,', 'x', 'v1,AAAA v1,BBBB').map((signature) => ({
        'webhook-id': 'msg_1',
        'webhook-timestamp': '1772452800',
        'webhook-signature': signature,
      })),
    },
  );
}

/** For no route: strange addresses with any method. */
const stray = (callers: Callers): fc.Arbitrary<FuzzRequest> =>
  fc
    .record({
      method: fc.constantFrom(...METHODS),
      path: fc.array(fc.constantFrom(...HOSTILE_TEXTS, 'runs', 'keys', 'webhook', '.git', 'docs'), {
        maxLength: 4,
      }),
      headers: callers,
    })
    .map(({ method, path, headers }) => ({
      method,
      headers,
      path: `/${path.map(inPath).join('/')}`.slice(0, 8_000),
    }));
