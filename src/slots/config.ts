/** The app's contract with the controller: `slot-machine.json`, or `app.contract.json`. Read once, at start. */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { SlotsError } from './errors';

export const CONFIG_NAMES = ['slot-machine.json', 'app.contract.json'] as const;
export const DEFAULT_API_PORT = 9_100;
const HOUR_MS = 3_600_000;
/** Systems take some 107 bytes; the slots' own names come after it. */
const SOCKET_MAX = 80;

const port = z.number().int().min(1).max(65_535);
const milliseconds = z.number().int().min(1).max(HOUR_MS);
const endpoint = z.string().regex(/^\/[^\s#]*$/, 'a path that begins with a slash');

/** A path inside a slot: relative, without a step upwards. */
const inside = z
  .string()
  .min(1)
  .refine(isInside, 'a relative path without "..", so that it stays inside the slot');

export function isInside(path: string): boolean {
  return !isAbsolute(path) && !path.includes('\0') && !path.split(/[/\\]/).includes('..');
}

const payload = z.object({
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET'),
  path: endpoint,
  headers: z.record(z.string(), z.string()).optional(),
  /** Text is sent as it is, anything else as JSON. */
  body: z.unknown().optional(),
  /** Default: any status below 400. */
  expect_status: z.number().int().min(100).max(599).optional(),
});

/** A branch or remote: never read as an option, a range or a path upwards. */
const branch = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/)
  .refine((name) => !name.includes('..'), 'a name without ".."');
const user = z.object({ uid: z.number().int().min(1), gid: z.number().int().min(1) });
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);

const Github = z.object({
  /** `owner/name`. */
  repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** Variables of the controller; the values are in no file. */
  token_env: variable.default('GITHUB_TOKEN'),
  webhook_secret_env: variable.default('GITHUB_WEBHOOK_SECRET'),
  environment: z.string().min(1).max(100).default('production'),
  api_url: z.url({ protocol: /^https?$/ }).default('https://api.github.com'),
  /** A path of the app's port that takes deliveries; without it only the API's port does. */
  webhook_path: endpoint.optional(),
});

/** Unknown fields are let through: a contract may serve other readers too. */
export const Contract = z
  .object({
    start_command: z.string().min(1),
    setup_command: z.string().optional(),
    /** What users reach. */
    port,
    /** Reached from this machine only. Absent, or the same as `port`: the app has one port. */
    internal_port: port.optional(),
    /** Instead of an internal port: a socket's path, which the app's own are beside. */
    internal_socket: z
      .string()
      .max(SOCKET_MAX)
      .refine((path) => isAbsolute(path) && !path.includes('\0'), 'an absolute path')
      .optional(),
    api_port: port.default(DEFAULT_API_PORT),
    health_endpoint: endpoint.default('/healthz'),
    health_test_payload: payload.optional(),
    health_timeout_ms: milliseconds.default(10_000),
    /** A file of the commit that is run before promotion, where it is there. */
    smoke_test: inside.optional(),
    smoke_timeout_ms: milliseconds.default(30_000),
    setup_timeout_ms: milliseconds.default(600_000),
    drain_timeout_ms: milliseconds.default(10_000),
    schema_status_endpoint: endpoint.optional(),
    /** Told `{ "quiet": true }` when it leaves traffic and `false` when it is back; default: signals. */
    quiet_endpoint: endpoint.optional(),
    keep_warm: z.boolean().default(true),
    env_file: z.string().optional(),
    shared_dirs: z.array(inside).max(50).default([]),
    protected_paths: z.array(z.string().min(1)).max(500).default([]),
    secrets_inject: z.array(variable).max(200).default([]),
    /** The commit's files together; 0: no limit. */
    max_deploy_size_mb: z.number().min(0).default(500),
    /** Added and removed lines together; 0: no limit. */
    max_diff_lines: z.number().int().min(0).default(20_000),
    alert_webhook: z.url({ protocol: /^https?$/ }).optional(),
    main_branch: branch.default('main'),
    machine_branch: branch.default('machine'),
    remote: branch.default('origin'),
    /** Pushes the agent's branch once a commit of it is live, where there is a remote. */
    push: z.boolean().default(true),
    github: Github.optional(),
    /** When the controller looks after itself; cron, five fields. */
    reconcile_schedule: z.string().default('*/5 * * * *'),
    gc_schedule: z.string().default('17 4 * * *'),
    max_branch_divergence: z.number().int().min(1).default(200),
    max_disk_used_percent: z.number().min(1).max(100).default(90),
    max_failed_deploys: z.number().int().min(1).default(3),
    /** Before the first restart of a crashed live app; doubled each time. 0: it is not restarted. */
    restart_backoff_ms: z.number().int().min(0).max(HOUR_MS).default(2_000),
    /** Of each log of an app; it is kept twice at most. */
    max_log_mb: z.number().min(0.001).max(10_000).default(20),
    /** Of the app: of all it started together where there is a control group, else of each process. */
    limits: z
      .object({
        memory_mb: z.number().int().min(16).optional(),
        /** Of one core: 150 is one and a half. A control group's alone. */
        cpu_percent: z.number().int().min(1).max(100_000).optional(),
        /** Processes and threads together. A control group's alone. */
        tasks: z.number().int().min(2).optional(),
        /** Whether control groups are used: where they can be, always (else it does not start), or never. */
        cgroup: z.enum(['auto', 'required', 'off']).default('auto'),
        open_files: z.number().int().min(16).optional(),
        file_mb: z.number().int().min(1).optional(),
        cpu_seconds: z.number().int().min(1).optional(),
      })
      .optional(),
    /** The app's own user, where the controller may change to it. */
    run_as: user.optional(),
    agent_auth: z.enum(['hmac', 'trusted', 'none']).default('hmac'),
    /** Set by whatever authenticates in front of the app, with `agent_auth: trusted`. */
    agent_user_header: z
      .string()
      .regex(/^[\w-]+$/)
      .transform((name) => name.toLowerCase())
      .default('x-forwarded-user'),
    /** After AGENT_BIN; the message comes on its standard input. */
    agent_args: z.array(z.string()).max(50).default(['-p', '--output-format', 'stream-json', '--verbose']),
    /** Variables of the controller that the agent gets, such as its model's key. */
    agent_env: z.array(variable).max(50).default([]),
    /** The agent's own user: what alone keeps it from reading what the controller and the app have in memory. */
    agent_run_as: user.optional(),
    agent_timeout_ms: milliseconds.default(HOUR_MS),
    /** Deploys what the agent has done, when it has ended well. */
    agent_deploy: z.boolean().default(true),
  })
  .refine(
    (contract) => contract.internal_socket === undefined || contract.internal_port === undefined,
    'give internal_port or internal_socket, not both',
  );

export type AppContract = z.infer<typeof Contract>;

/**
 * Reads a contract.
 * @param warn told of fields nobody reads here: a slip in a name would otherwise turn a guard off in silence
 * @throws SlotsError that names the file, each field that does not fit, and what to do
 */
export function loadContract(file: string, warn: (text: string) => void = () => undefined): AppContract {
  const text = readConfigText(file);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new SlotsError(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const read = Contract.safeParse(data);
  if (!read.success) {
    // A value is never repeated: the alert webhook's holds a token.
    const faults = read.error.issues.map(
      (i) =>
        `${i.path.join('.') || 'the whole'}: ${i.message.replace(/^.*received undefined$/, 'is missing')}`,
    );
    throw new SlotsError(`${file} does not fit. ${faults.join('; ')}. docs/slots.md lists the fields.`);
  }
  const unread = Object.keys(data as object).filter((name) => !(name in Contract.shape));
  if (unread.length > 0)
    warn(`${file}: ${unread.join(', ')} is read by nobody here. docs/slots.md lists the fields.`);
  const { env_file: envFile } = read.data;
  return { ...read.data, ...(envFile !== undefined && { env_file: resolve(dirname(file), envFile) }) };
}

function readConfigText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SlotsError(
      `Cannot read ${file} (${(cause as NodeJS.ErrnoException).code}). "reveille-slots init" writes a slot-machine.json to start from; --config names another file.`,
      { cause },
    );
  }
}

/** The contract file of a folder: the first of {@link CONFIG_NAMES} that is there; without any, the first. */
export function findContract(folder: string): string {
  const there = CONFIG_NAMES.map((name) => join(folder, name)).find((file) => {
    try {
      readFileSync(file);
      return true;
    } catch {
      return false; // The next name; without any, reading the first one gives the error.
    }
  });
  return there ?? join(folder, CONFIG_NAMES[0]);
}

/** The API's port for a client, which needs nothing else of a contract. */
export function apiPortOf(folder: string): number {
  try {
    const { api_port: given } = JSON.parse(readFileSync(findContract(folder), 'utf8')) as {
      api_port?: unknown;
    };
    return port.safeParse(given).data ?? DEFAULT_API_PORT;
  } catch {
    return DEFAULT_API_PORT; // No contract here: the controller may still be at its usual port.
  }
}

/** Whether `path` is `folder` or below it; both absolute and resolved. */
export const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
