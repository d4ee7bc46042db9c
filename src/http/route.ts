/**
 * Routes are data: what the OpenAPI document says of a route and what Express serves come from the
 * same object, so that neither can lack what the other has.
 */
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Scope } from '../domain/scope';
import type { Principal } from './auth-people';
import type { HandlerDeps } from './deps';
import type { ProblemCode } from './problem-catalogue';
import { Problem, type FieldError } from './problems';

/**
 * What a caller has to prove:
 * - a scope: an API key or a login that holds it, or being this machine where no key is configured
 * - `key`: as `admin`; for routes that do not name a scope yet
 * - `login`: a key in the body; who failed too often has to wait
 * - `provider`: what an OpenID Connect provider sends a browser back with; who failed too often has to wait
 * - `callback`: the token of one attempt's webhook URL
 * - `agent`: an agent's own secret, in the body
 * - `hook`: the signature or the token that the workflow's `on.webhook` asks for, over the body
 * - `inbox`: nothing, where the inbox is on: who is tried out knows no key
 * - `open`: nothing; the answer tells nothing about this installation
 */
export type Access = Scope | 'key' | 'login' | 'provider' | 'callback' | 'agent' | 'hook' | 'inbox' | 'open';

export interface ResponseDoc {
  description: string;
  /** A JSON answer's shape. */
  schema?: z.ZodType;
  /** The type of an answer that is not JSON. */
  contentType?: string;
  headers?: Record<string, string>;
}

/** Everything about a route but its code. */
export interface RouteDoc {
  method: 'get' | 'post' | 'delete';
  /** In Express's words: `/runs/:runId`. */
  path: string;
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  access: Access;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** The body may be left out; it then counts as `{}`. */
  bodyOptional?: boolean;
  /** `webhook`: as large as the orchestrator is configured to take results. */
  bodyLimit?: 'api' | 'webhook';
  /** Takes a body of any type, which the handler finds in `rawBody`. */
  anyBody?: true;
  /** What comes here is written down in the inbox, with its answer, where that is on. */
  recorded?: 'result' | 'claim' | 'hook';
  /** Answers by itself, and in time, where the store does not: it is what tells of that. */
  tellsOutages?: true;
  /** Takes an Idempotency-Key. */
  idempotent?: boolean;
  responses: Record<number, ResponseDoc>;
  /** The problems of this route; those that any route may answer are added. */
  problems: ProblemCode[];
}

/** A request as it came, its JSON parsed but not yet checked. */
export interface RawInput {
  params: unknown;
  query: unknown;
  body: unknown;
  http: HttpContext;
}

export interface HttpContext {
  req: Request;
  res: Response;
  /** Who calls, for the ledger: `key:<id>`, `local`, or `anonymous` on routes without a key. */
  actor: string;
  /** Who that is; undefined on routes that ask for no scope. */
  principal: Principal | undefined;
  /** The exact bytes of the body. */
  rawBody: Buffer;
  idempotencyKey?: string;
}

export type Reply =
  | { kind: 'json'; status: number; body: unknown; headers?: Record<string, string> }
  | { kind: 'empty'; status: number }
  | { kind: 'text'; type: string; body: string; headers?: Record<string, string> }
  | { kind: 'file'; path: string; headers?: Record<string, string> }
  /** The handler answers on its own from here on. */
  | { kind: 'streaming' };

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Reply => ({
  kind: 'json',
  status,
  body,
  headers,
});

export interface Route extends RouteDoc {
  perform(input: RawInput, deps: HandlerDeps): Promise<Reply>;
}

interface Checked<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> extends HttpContext {
  params: z.output<P>;
  query: z.output<Q>;
  body: z.output<B>;
}

type RouteSpec<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> = Omit<
  RouteDoc,
  'params' | 'query' | 'body'
> & {
  params?: P;
  query?: Q;
  body?: B;
  handle: (input: Checked<P, Q, B>, deps: HandlerDeps) => Promise<Reply>;
};

type Nothing = z.ZodObject<Record<never, never>>;
const nothing: Nothing = z.object({});

/** Declares a route. Its handler sees only what its schemas let through. */
export function route<
  P extends z.ZodObject = Nothing,
  Q extends z.ZodObject = Nothing,
  B extends z.ZodType = Nothing,
>(spec: RouteSpec<P, Q, B>): Route {
  const { handle, ...doc } = spec;
  return {
    ...doc,
    perform: async ({ params, query, body, http }, deps) =>
      handle(
        {
          ...http,
          params: checked((doc.params ?? nothing) as P, params, 'path'),
          query: checked((doc.query ?? nothing) as Q, query, 'query'),
          body: checked((doc.body ?? nothing) as B, body, 'body'),
        },
        deps,
      ),
  };
}

/** Fields named in one answer at most. */
const MAX_FIELD_ERRORS = 20;

/** @throws Problem that names each wrong field, in its place: `body`, `query`, `path` */
export function checked<T extends z.ZodType>(schema: T, value: unknown, place: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.slice(0, MAX_FIELD_ERRORS).map((issue) => fieldError(issue, place));
  const [first] = errors;
  throw new Problem('invalid-request', { detail: `${first?.field}: ${first?.message}`, errors });
}

function fieldError({ path, message }: z.core.$ZodIssue, place: string): FieldError {
  const field = [place, ...path.map(String)].join('.').slice(0, 200);
  return { field, message: message.slice(0, 300) };
}
