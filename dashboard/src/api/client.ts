/** Calls of the HTTP API. A failure is always an {@link ApiError}, with what to do about it. */
const DEADLINE_MS = 15_000;
const CSRF_HEADER = 'X-CSRF-Token';

export interface Problem {
  status: number;
  code: string;
  title: string;
  detail?: string;
  hint?: string;
  requestId?: string;
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
  }
}

/** Of the login; undefined where this machine needs none. */
let csrfToken: string | undefined;
let onLoggedOut: () => void = () => undefined;

export const setCsrfToken = (token: string | undefined): void => void (csrfToken = token);
/** Called when the orchestrator does not know us any more. */
export const whenLoggedOut = (listener: () => void): void => void (onLoggedOut = listener);

export const get = <T>(path: string, signal?: AbortSignal, deadlineMs?: number): Promise<T> =>
  call<T>('GET', path, { signal, deadlineMs });
/** `key`: done once, however often it is sent. */
export const post = <T>(path: string, body: object = {}, key?: string): Promise<T> =>
  call<T>('POST', path, { body, key });
export const remove = (path: string): Promise<void> => call('DELETE', path, {});

interface Options {
  body?: object | undefined;
  key?: string | undefined;
  signal?: AbortSignal | undefined;
  deadlineMs?: number | undefined;
}

async function call<T>(method: string, path: string, { body, key, signal, deadlineMs }: Options): Promise<T> {
  const deadline = AbortSignal.timeout(deadlineMs ?? DEADLINE_MS);
  const response = await fetch(path, {
    method,
    credentials: 'same-origin',
    headers: {
      Accept: 'application/json',
      ...(body && { 'Content-Type': 'application/json' }),
      ...(key !== undefined && { 'Idempotency-Key': key }),
      ...(csrfToken !== undefined && { [CSRF_HEADER]: csrfToken }),
    },
    body: body ? JSON.stringify(body) : null,
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
  }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new ApiError(UNREACHABLE);
  });
  if (response.ok) return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
  const problem = await problemOf(response);
  if (problem.code === 'unauthorized') onLoggedOut();
  throw new ApiError(problem);
}

const UNREACHABLE: Problem = {
  status: 0,
  code: 'unreachable',
  title: 'The orchestrator does not answer.',
  hint: 'Check that it runs and that the network is there; this page tries again by itself.',
};

export async function problemOf(response: Response): Promise<Problem> {
  const { status } = response;
  const unknown = { status, code: 'unknown', title: `The orchestrator answered ${status}.` };
  const body: unknown = await response.json().catch(() => undefined);
  return typeof body === 'object' && body !== null ? { ...unknown, ...body } : unknown;
}

export const asProblem = (error: unknown): Problem =>
  error instanceof ApiError
    ? error.problem
    : { status: 0, code: 'page', title: error instanceof Error ? error.message : String(error) };

/** A path with its query; what is undefined or empty is left out. */
export function withQuery(path: string, query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => !!pair[1]);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}
