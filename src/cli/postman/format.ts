/** Postman's collection format 2.1, as far as this one uses it, and how its parts are made. */
import { createHash } from 'node:crypto';

export interface Item {
  id: string;
  name: string;
  request: Request;
  event?: Event[];
}

export interface Folder {
  id: string;
  name: string;
  description: string;
  item: Item[] | Folder[];
}

export interface Request {
  method: string;
  description: string;
  header: Array<{ key: string; value: string; disabled?: boolean; description?: string }>;
  url: {
    raw: string;
    host: [string];
    path: string[];
    variable?: Array<{ key: string; value: string; description?: string }>;
    query?: Array<{ key: string; value: string; disabled?: boolean; description?: string }>;
  };
  auth?: { type: 'noauth' };
  body?: { mode: 'raw'; raw: string; options: { raw: { language: 'json' } } };
}

export interface Event {
  listen: 'test' | 'prerequest';
  script: { type: 'text/javascript'; exec: string[] };
}

export interface RequestSpec {
  name: string;
  method: string;
  /** The variable that holds the address. */
  base: 'orchestratorUrl' | 'agentUrl';
  /** In OpenAPI's words: `/runs/{runId}`. */
  path: string;
  description: string;
  /** Values of the path's parameters. */
  params?: Record<string, string>;
  query?: Array<{ key: string; value: string; disabled?: boolean; description?: string }>;
  headers?: Request['header'];
  body?: unknown;
  /** Sent without an API key. */
  open?: boolean;
  before?: string[];
  tests: string[];
}

/** The same name gives the same id, so that a new generation changes only what is new. */
export function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

export function item(folder: string, spec: RequestSpec): Item {
  const { name, before, tests } = spec;
  return {
    id: idOf(`${folder}/${name}`),
    name,
    request: request(spec),
    event: [...(before ? [event('prerequest', before)] : []), event('test', tests)],
  };
}

export const folder = (name: string, description: string, items: Item[]): Folder => ({
  id: idOf(name),
  name,
  description,
  item: items,
});

export const event = (listen: Event['listen'], exec: string[]): Event => ({
  listen,
  script: { type: 'text/javascript', exec },
});

function request(spec: RequestSpec): Request {
  const { method, base, description, params = {}, query = [], headers = [], body, open } = spec;
  const path = spec.path.replace(/\{(\w+)\}/g, ':$1');
  const asked = query.filter(({ disabled }) => !disabled).map(({ key, value }) => `${key}=${value}`);
  const variable = Object.entries(params).map(([key, value]) => ({ key, value }));
  const json = { key: 'Content-Type', value: 'application/json' };
  return {
    method,
    description,
    header: [...(body === undefined ? [] : [json]), ...headers],
    url: {
      raw: `{{${base}}}${path}${asked.length > 0 ? `?${asked.join('&')}` : ''}`,
      host: [`{{${base}}}`],
      path: path.split('/').slice(1),
      ...(variable.length > 0 && { variable }),
      ...(query.length > 0 && { query }),
    },
    ...(open && { auth: { type: 'noauth' as const } }),
    ...(body !== undefined && {
      body: {
        mode: 'raw' as const,
        raw: JSON.stringify(body, null, 2),
        options: { raw: { language: 'json' as const } },
      },
    }),
  };
}
