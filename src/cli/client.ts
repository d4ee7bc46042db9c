/**
 * The orchestrator's API as commands use it: where it is and with which key, problem details as
 * sentences, and connection errors that say what to do.
 */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, EXIT, exitCodeOf, UsageError } from './exit';
import { runningIn } from './local/running';
import { serviceUrl } from './options';
import { chosenProfile, profileName } from './profiles';

export const DEFAULT_URL = 'http://localhost:3000';
/** For a whole call, reading included. */
const CALL_DEADLINE_MS = 30_000;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** Pages read by one `items()` at most. */
const MAX_PAGES = 1_000;
/** Printable ASCII without blanks, as the orchestrator takes it. */
export const KEY = /^[\x21-\x7e]{1,512}$/;

export interface ApiOptions {
  url: string;
  json: boolean;
  /** Named on the command line: its key goes before the one in the environment. */
  profile?: string;
}

/**
 * Adds what every command over the API takes: `--url`, `--profile` and `--json`. An address that is not given is the
 * profile's, or that of the demo or of `dev` that runs in this folder.
 */
export function overApi(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', "the orchestrator's address")
        .env('REVEILLE_URL')
        .default(DEFAULT_URL)
        .argParser(serviceUrl),
    )
    .option('--profile <name>', 'a login kept by "reveille login" (env: REVEILLE_PROFILE)', profileName)
    .option('--json', 'print JSON instead of a text for people', false)
    .hook('preAction', (own) => {
      if (own.getOptionValueSource('url') !== 'default') return;
      const url = profileFor(own.opts<ApiOptions>(), process.env)?.url ?? runningIn(process.cwd());
      if (url !== undefined) own.setOptionValueWithSource('url', url, 'config');
    });
}

/** RFC 9457, as far as commands look into it. */
const ProblemDetails = z.object({
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  requestId: z.string().optional(),
});
export type ProblemDetails = z.infer<typeof ProblemDetails>;

/** The orchestrator said no. */
export class ApiProblem extends CliError {
  override readonly name = 'ApiProblem';

  constructor(readonly problem: ProblemDetails) {
    super(`${problem.title} (HTTP ${problem.status}, ${problem.code}).`, {
      lines: linesOf(problem),
      exitCode: problem.code === 'capsule-held' ? EXIT.held : exitCodeOf(problem.status),
    });
  }
}

/** The command that helps with a problem, where the hint names only a path of the API. */
const HELPS: Readonly<Record<string, string>> = {
  'workflow-not-found': 'reveille workflows',
  'run-not-found': 'reveille runs',
  'unknown-step': 'reveille runs show <run>',
  'attempt-not-found': 'reveille runs show <run>',
  'run-over': 'reveille rerun <run>',
  'run-not-over': 'reveille cancel <run>',
  'agent-not-found': 'reveille agents',
  'capsule-not-found': 'reveille capsules',
  'capsule-held': 'reveille switches',
  'approval-not-found': 'reveille approvals',
  'budget-not-found': 'reveille budgets',
  'switch-not-found': 'reveille switches',
  'breaker-not-found': 'reveille breakers',
  'key-not-found': 'reveille keys list',
  'delivery-not-found': 'reveille inbox',
  'scope-missing': 'reveille whoami',
};

function linesOf({ code, detail, errors = [], hint, requestId }: ProblemDetails): string[] {
  // With `errors`, `detail` repeats the first of them.
  const what = errors.length > 0 ? errors.map((e) => `${e.field}: ${e.message}`) : detail ? [detail] : [];
  const key =
    code === 'unauthorized' ? ['The key is read from REVEILLE_API_KEY, or kept by "reveille login".'] : [];
  const helps = HELPS[code] === undefined ? [] : [`"${HELPS[code]}" helps.`];
  return [...what, ...(hint ? [hint] : []), ...helps, ...key, ...(requestId ? [`request ${requestId}`] : [])];
}

export type Query = Readonly<Record<string, string | number | undefined>>;

interface CallOptions {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  /** Cuts the call short, e.g. on Ctrl-C. */
  signal?: AbortSignal;
}

export class ApiClient {
  constructor(
    readonly url: string,
    private readonly key: string | undefined,
  ) {}

  get<T>(path: string, schema: z.ZodType<T>, options: Omit<CallOptions, 'body'> = {}): Promise<T> {
    return this.call('GET', path, schema, options);
  }

  post<T>(path: string, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    return this.call('POST', path, schema, options);
  }

  delete<T>(path: string, schema: z.ZodType<T>, options: Omit<CallOptions, 'body'> = {}): Promise<T> {
    return this.call('DELETE', path, schema, options);
  }

  /** A body that is read as it comes, however long that takes. @throws when the orchestrator says no */
  async stream(path: string, query: Query): Promise<ReadableStream> {
    const url = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const headers = this.key === undefined ? {} : { authorization: `Bearer ${this.key}` };
    const response = await fetch(url, { headers, redirect: 'manual' }).catch((cause: unknown) => {
      throw unreachable(this.url, cause);
    });
    if (response.status !== 200) throw refusal(this.url, response.status, parse(await textOf(response)));
    if (!response.body) throw new CliError(`${this.url} answered without a body.`, { lines: [NOT_REVEILLE] });
    return response.body;
  }

  /** The items of a list, page after page, `max` at most. */
  async *items<T>(path: string, item: z.ZodType<T>, query: Query, max: number): AsyncGenerator<T> {
    const page = z.object({ items: z.array(item), nextCursor: z.string().nullable() });
    let cursor: string | undefined;
    let left = max;
    for (let pages = 0; pages < MAX_PAGES && left > 0; pages += 1) {
      const limit = Math.min(left, 200);
      const { items, nextCursor } = await this.get(path, page, { query: { ...query, limit, cursor } });
      yield* items.slice(0, left);
      left -= items.length;
      if (nextCursor === null) return;
      cursor = nextCursor;
    }
  }

  private async call<T>(
    method: string,
    path: string,
    schema: z.ZodType<T>,
    options: CallOptions,
  ): Promise<T> {
    const { status, text } = await this.send(method, path, options);
    const body = parse(text);
    if (status >= 400) throw refusal(this.url, status, body);
    const read = schema.safeParse(body);
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    throw new CliError(`${this.url} answered ${method} ${path} in a way this version does not know.`, {
      lines: [`${issue?.path.join('.') || 'body'}: ${issue?.message ?? ''}`, NOT_REVEILLE],
      exitCode: EXIT.platform,
    });
  }

  private async send(
    method: string,
    path: string,
    { query = {}, body, headers, signal }: CallOptions,
  ): Promise<{ status: number; text: string }> {
    const url = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const deadline = AbortSignal.timeout(CALL_DEADLINE_MS);
    try {
      const response = await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(this.key !== undefined && { authorization: `Bearer ${this.key}` }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // A redirect would take the key along to who knows where.
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      return { status: response.status, text: await textOf(response) };
    } catch (cause) {
      if (signal?.aborted || cause instanceof CliError) throw cause;
      throw unreachable(this.url, cause);
    }
  }
}

const keyIn = (env: NodeJS.ProcessEnv): string | undefined => env['REVEILLE_API_KEY']?.trim() || undefined;

/**
 * The profile that counts. None where the environment has a key and no profile is named: that key is
 * not meant for where a profile points.
 */
function profileFor({ profile }: Pick<ApiOptions, 'profile'>, env: NodeJS.ProcessEnv) {
  if (profile === undefined && keyIn(env) !== undefined) return undefined;
  return chosenProfile(profile ?? (env['REVEILLE_PROFILE'] || undefined), env);
}

/**
 * The client for a command's options. A profile's key is sent to its own address only.
 * @throws UsageError when the key cannot be one, or the profile is not there
 */
export function apiOf(
  options: Pick<ApiOptions, 'url' | 'profile'>,
  env: NodeJS.ProcessEnv = process.env,
): ApiClient {
  const { url } = options;
  const profile = profileFor(options, env);
  const key = profile?.url === url ? profile.key : options.profile === undefined ? keyIn(env) : undefined;
  if (key !== undefined && !KEY.test(key)) {
    throw new UsageError('The key is none: it holds blanks or characters outside ASCII.');
  }
  return new ApiClient(url, key);
}

const NOT_REVEILLE = 'Is it a Reveille orchestrator? Name another with --url or REVEILLE_URL.';

function refusal(url: string, status: number, body: unknown): CliError {
  const problem = ProblemDetails.safeParse(body);
  if (problem.success) return new ApiProblem(problem.data);
  return new CliError(`${url} answered HTTP ${status}, and does not say why.`, {
    lines: [NOT_REVEILLE],
    exitCode: EXIT.platform,
  });
}

/** A connection that could not be made or was cut, in words. */
function unreachable(url: string, cause: unknown): CliError {
  const lines = [
    'Start it with "npm start", or with "npm run demo" to try it out,',
    'or name another orchestrator with --url or REVEILLE_URL.',
  ];
  const exitCode = isTimeout(cause) ? EXIT.timedOut : EXIT.platform;
  return new CliError(`No orchestrator answers at ${url}: ${reasonOf(cause)}.`, { cause, lines, exitCode });
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name could not be looked up',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'no connection within the time',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
};

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError';

/** Why a call got no answer: `fetch` hides the system's code in the cause of its error. */
export function reasonOf(error: unknown): string {
  if (isTimeout(error)) return 'no answer within the time';
  let current: unknown = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    const { code } = current as { code?: unknown };
    const known = typeof code === 'string' ? REASONS[code] : undefined;
    if (known !== undefined) return known;
    const first = current instanceof AggregateError ? (current.errors[0] as unknown) : undefined;
    if (current.cause === undefined && first === undefined) return current.message;
    current = first ?? current.cause;
  }
  return String(error);
}

/** @throws CliError when it is larger than any answer of the API */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new CliError(`${response.url} answers more than ${MAX_ANSWER_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined where it is not JSON, which no schema takes for an answer. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
