/** Requests for every route: valid, nearly valid and hostile, and some for no route at all. */
import fc from 'fast-check';
import type { Route } from '../../src/http/route';
import type { Example, Headers, Scene } from './scene';
import {
  ANY,
  anyText,
  blow,
  fitting,
  hostile,
  HOSTILE_TEXTS,
  jsonSchemaOf,
  nearly,
  spoilt,
  type Blow,
} from './values';

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

/** To be made once: whom they come from and what they name is the scene's at the time. */
export const requestsFor = (routes: readonly Route[], scene: Scene): fc.Arbitrary<FuzzRequest> =>
  fc.oneof(
    ...routes.flatMap((route) => [
      { weight: 6, arbitrary: requestOf(route, scene) },
      { weight: 4, arbitrary: knowingly(route, scene) },
    ]),
    { weight: 20, arbitrary: stray(callersOf(scene)) },
  );

const callersOf = (scene: Scene): fc.Arbitrary<Headers> => ANY.map((n) => scene.caller(n));

/** As somebody would send it who knows what is there; spoilt at one place now and then. */
function knowingly(route: Route, scene: Scene): fc.Arbitrary<FuzzRequest> {
  const blows = fc.option(blow, { freq: 1, nil: undefined });
  const wish = { n: ANY, names: fc.array(ANY, { minLength: 4, maxLength: 4 }), how: blows, key: fc.uuid() };
  return fc.record({ ...wish, caller: callersOf(scene) }).map(({ n, names, how, key, caller }) => {
    const { params = {}, query = {}, raw, body, headers } = scene.example(route.operationId, n) ?? {};
    const text = raw ?? bodyText({ body }, how);
    return {
      ...{ method: route.method.toUpperCase(), operationId: route.operationId },
      path: addressOf(route, scene, params, names) + searchOf(query),
      headers: {
        ...caller,
        ...(text !== undefined && { 'content-type': 'application/json' }),
        ...(route.idempotent && { 'idempotency-key': key }),
        ...headers,
      },
      ...(text !== undefined && { body: text }),
    };
  });
}

const bodyText = ({ body }: Example, how: Blow | undefined): string | undefined =>
  body === undefined ? undefined : asText(how ? spoilt(body, how) : body);

function addressOf({ path }: Route, scene: Scene, params: Headers, names: readonly number[]): string {
  const parts = path.split('/').map((part, i, all) => {
    if (!part.startsWith(':')) return part;
    const field = part.slice(1);
    return params[field] ?? nameAt(scene, all.slice(0, i + 1), names[i % names.length] ?? 0) ?? 'none';
  });
  return parts.map((part) => inPath(part)).join('/');
}

/** A parameter of that name is looked up by the whole path up to it first. */
const nameAt = (scene: Scene, parts: readonly string[], n: number): string | undefined =>
  scene.name(parts.join('/'), n) ?? scene.name(parts.at(-1)?.slice(1) ?? '', n);

function requestOf(route: Route, scene: Scene): fc.Arbitrary<FuzzRequest> {
  const method = fc.oneof(
    { weight: 19, arbitrary: fc.constant(route.method.toUpperCase()) },
    { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
  );
  return fc
    .record({
      method,
      path: pathOf(route, scene),
      query: queryOf(route, scene),
      caller: callersOf(scene),
      extra: extraHeaders(route),
      body: bodyOf(route, scene),
    })
    .map(({ method, path, query, caller, extra, body }) => ({
      method,
      path: path + query,
      headers: { ...caller, ...(body !== undefined && { 'content-type': 'application/json' }), ...extra },
      ...(body !== undefined && !['GET', 'HEAD'].includes(method) && { body }),
      operationId: route.operationId,
    }));
}

function pathOf(route: Route, scene: Scene): fc.Arbitrary<string> {
  const parts = route.path.split('/').map((part, i, all) => {
    if (!part.startsWith(':')) return fc.constant(part);
    const above = all.slice(0, i + 1);
    return fc.oneof(
      { weight: 14, arbitrary: ANY.map((n) => inPath(nameAt(scene, above, n) ?? 'none')) },
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

function queryOf(route: Route, scene: Scene): fc.Arbitrary<string> {
  const schema = route.query && jsonSchemaOf(route.query);
  if (!schema) return fc.oneof({ weight: 9, arbitrary: fc.constant('') }, strangeQuery);
  const value = fitting(schema, scene) as fc.Arbitrary<Record<string, unknown>>;
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

function bodyOf(route: Route, scene: Scene): fc.Arbitrary<string | undefined> {
  if (!route.body) {
    const rare = fc.oneof(hostile.map(asText), fc.string());
    return fc.oneof(
      { weight: 8, arbitrary: fc.constant(undefined) },
      { weight: route.anyBody ? 8 : 1, arbitrary: rare },
    );
  }
  const value = fitting(jsonSchemaOf(route.body), scene);
  return fc.oneof(
    { weight: 16, arbitrary: value.map(asText) },
    { weight: 6, arbitrary: nearly(value).map(asText) },
    { weight: 2, arbitrary: hostile.map(asText) },
    { weight: 1, arbitrary: anyText },
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
const stray = (callers: fc.Arbitrary<Headers>): fc.Arbitrary<FuzzRequest> =>
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
