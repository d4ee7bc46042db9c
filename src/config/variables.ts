/** Every environment variable the orchestrator reads, by group, with its kind and its purpose. */
import type { z } from 'zod';
import { AUDIT_VARIABLES } from './audit';
import { BUDGET_VARIABLES } from './budgets';
import {
  baseUrl,
  connection,
  guardedUrl,
  hashedKeys,
  integer,
  oneOf,
  secret,
  words,
  type Kind,
} from './kinds';
import { GRPC_VARIABLES } from './grpc';
import { NOTIFY_VARIABLES } from './notify';
import { OIDC_VARIABLES } from './oidc';
import { OVERSIGHT_VARIABLES } from './oversight';
import { TRACE_VARIABLES } from './traces';

export const GROUPS = {
  process: 'Process',
  http: 'HTTP',
  grpc: 'gRPC',
  oidc: 'Login with OpenID Connect',
  storage: 'Storage and queue',
  choice: 'Platform',
  platform: 'Code Capsules',
  docker: 'Docker',
  kubernetes: 'Kubernetes',
  fly: 'Fly',
  notify: 'Messages to people',
  traces: 'Traces',
  audit: 'Audit',
  approvals: 'Approvals',
  budgets: 'Budgets and caps',
  limits: 'Limits and times',
} as const;
export type Group = keyof typeof GROUPS;

export interface Variable<T = unknown> extends Kind<T> {
  readonly group: Group;
  /** What it is for, in one or two sentences. */
  readonly about: string;
}

const variable = <T>(group: Group, kind: Kind<T>, about: string): Variable<T> => ({ group, ...kind, about });

const MIN_API_KEY_LENGTH = 24;
const MIN_CALLBACK_SECRET_LENGTH = 32;
/** The sweeper repairs at least this often; the design's rule of truth 4. */
export const MAX_SWEEP_INTERVAL_MS = 5_000;
const MEBIBYTE = 1024 * 1024;

export const VARIABLES = {
  NODE_ENV: variable(
    'process',
    oneOf(['development', 'test', 'production'], 'development'),
    'In production nothing is improvised: the database, the public URL, API keys and the platform must be named.',
  ),
  ROLE: variable(
    'process',
    oneOf(['all', 'web', 'worker'], 'all'),
    '`web` answers HTTP, `worker` wakes, dispatches and sweeps, `all` does both. Any number of each can run.',
  ),
  ENGINE_ENABLED: variable(
    'process',
    oneOf(['true', 'false'], 'true'),
    '`false`: this process observes, serves the API and records ticks, and wakes, sends and stops nothing by itself. See docs/safety.md.',
  ),
  LOG_LEVEL: variable(
    'process',
    oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    'The least important line that is logged.',
  ),
  SHUTDOWN_TIMEOUT_SECONDS: variable(
    'process',
    integer(1, 600, 25),
    'After SIGTERM, how long work in hand may take before the process exits. Keep it below what the host waits before SIGKILL.',
  ),
  HOST: variable(
    'http',
    words('an address of this machine'),
    'Address to listen on. Unset: 0.0.0.0 with API keys, 127.0.0.1 without.',
  ),
  PORT: variable('http', integer(0, 65_535, 3_000), 'Port to listen on; 0 takes any free one.'),
  PUBLIC_URL: variable(
    'http',
    baseUrl(),
    'How agents reach this orchestrator; webhook URLs begin with it. Unset in development: http://localhost:PORT. Required in production.',
  ),
  API_KEYS: variable(
    'http',
    hashedKeys(MIN_API_KEY_LENGTH),
    'Who may use the API. Unset in development: this machine only. Required in production unless ROLE is worker.',
  ),
  CALLBACK_SECRET: variable(
    'http',
    secret(`at least ${MIN_CALLBACK_SECRET_LENGTH} random characters`, MIN_CALLBACK_SECRET_LENGTH),
    'Signs the tokens in webhook URLs. Unset: one is made and kept with the data. The same in every process of an installation.',
  ),
  TRUSTED_PROXIES: variable(
    'http',
    integer(0, 10, 0),
    'How many reverse proxies stand in front, whose X-Forwarded-For is believed. 1 on most platforms.',
  ),
  WEBHOOK_MAX_BYTES: variable(
    'http',
    integer(1_024, 100 * MEBIBYTE, 5 * MEBIBYTE),
    'A larger webhook body is refused with 413 before it is parsed.',
  ),
  INBOX: variable(
    'http',
    oneOf(['default', 'on', 'off'], 'default'),
    'Whether what agents deliver is kept for a day for people to look at, under /inbox, secrets taken out. `default`: in development only.',
  ),
  ...OIDC_VARIABLES,
  ...GRPC_VARIABLES,
  DATABASE_URL: variable(
    'storage',
    connection(['postgres:', 'postgresql:']),
    'Postgres 14 or newer, the record. Unset in development: an embedded Postgres in DATA_DIR. Required in production.',
  ),
  MIGRATE_URL: variable(
    'storage',
    connection(['postgres:', 'postgresql:']),
    'The same database as who owns its tables, to bring it up to date at start and let the role of DATABASE_URL use it. Unset: that role does it itself. See docs/audit.md.',
  ),
  REDIS_URL: variable(
    'storage',
    connection(['redis:', 'rediss:']),
    'Redis for the queue, with maxmemory-policy noeviction. Unset: the queue lives in Postgres.',
  ),
  DATA_DIR: variable(
    'storage',
    words('a folder', '.reveille'),
    'What development keeps on disk: the embedded Postgres, logs, the demo.',
  ),
  BACKUP_DIR: variable(
    'storage',
    words('a folder'),
    'Where pg_dump writes: "reveille doctor" looks at the age of the newest file there.',
  ),
  RUN_RETENTION_DAYS: variable(
    'storage',
    integer(1, 3_650, 7),
    'How long inputs and outputs of runs are kept. The ledger and the aggregates stay.',
  ),
  PLATFORM: variable(
    'choice',
    oneOf(['code-capsules', 'docker', 'kubernetes', 'fly'], 'code-capsules'),
    'Where the capsules of the agents live. Only the variables of the one named here count.',
  ),
  CC_API_DIALECT: variable(
    'platform',
    oneOf(['capsule', 'products'], 'capsule'),
    '`capsule`: PATCH {CC_API_URL}/capsules/:id. `products`: PATCH {CC_CLUSTER_URL}/capsules/:id/products.',
  ),
  CC_API_URL: variable('platform', guardedUrl(), 'Base URL of the API, for the dialect `capsule`.'),
  CC_CLUSTER_URL: variable(
    'platform',
    guardedUrl(),
    "Base URL of the cluster's API, for the dialect `products` and for builds (redeploys).",
  ),
  CC_API_TOKEN: variable('platform', secret('a token of the API'), 'Token for the API. Goes before a login.'),
  CC_AUTH_URL: variable('platform', guardedUrl(), 'Where to log in, when there is no CC_API_TOKEN.'),
  CC_EMAIL: variable('platform', words('the e-mail address of an account'), 'Login: the account.'),
  CC_PASSWORD: variable('platform', secret("the account's password"), 'Login: its password.'),
  CC_API_KEY: variable(
    'platform',
    secret('the value for the header x-api-key'),
    'Login: the header x-api-key.',
  ),
  DOCKER_HOST: variable(
    'docker',
    words('unix:///path of a socket, or tcp://host:port', 'unix:///var/run/docker.sock'),
    'The Docker Engine. A capsule is a container, by name or id.',
  ),
  DOCKER_CERT_PATH: variable(
    'docker',
    words('a folder'),
    'Holds ca.pem, cert.pem and key.pem for an Engine on another machine.',
  ),
  DOCKER_STOP_SECONDS: variable(
    'docker',
    integer(0, 120, 10),
    'How long a container may take to end before it is killed.',
  ),
  KUBECONFIG: variable(
    'kubernetes',
    words('the path of one file'),
    'Names the cluster and who asks: a token or a client certificate. Unset: the service account of the pod this runs in. A capsule is a Deployment, as namespace/name.',
  ),
  KUBERNETES_CONTEXT: variable(
    'kubernetes',
    words('the name of a context'),
    'Which context of KUBECONFIG. Unset: its current one.',
  ),
  KUBERNETES_SERVICE_HOST: variable(
    'kubernetes',
    words('an address'),
    'Set by the cluster in every pod; leave it alone.',
  ),
  KUBERNETES_SERVICE_PORT: variable(
    'kubernetes',
    integer(1, 65_535, 443),
    'Set by the cluster in every pod; leave it alone.',
  ),
  FLY_API_TOKEN: variable(
    'fly',
    secret('a token of the Machines API'),
    'Token for the Machines API, e.g. from "fly tokens create deploy". A capsule is a machine, as app/machine.',
  ),
  FLY_API_HOSTNAME: variable('fly', guardedUrl(), 'Base URL of the API. Unset: https://api.machines.dev.'),
  FLY_SLEEP: variable(
    'fly',
    oneOf(['stop', 'suspend'], 'stop'),
    'How a machine sleeps. `suspend` keeps its memory and starts faster, but only fits agents that tell no bootId: a resumed one tells the old.',
  ),
  ...NOTIFY_VARIABLES,
  ...TRACE_VARIABLES,
  ...AUDIT_VARIABLES,
  ...OVERSIGHT_VARIABLES,
  ...BUDGET_VARIABLES,
  SWEEP_INTERVAL_MS: variable(
    'limits',
    integer(100, MAX_SWEEP_INTERVAL_MS, 2_000),
    'How often what is gets compared with what should be, in milliseconds; while nothing is under way 2.5 times as seldom, but every 5 s.',
  ),
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof VARIABLES;

/** The variables as read: defaults filled in, secrets wrapped. */
export type Values = { readonly [K in VariableName]: z.output<ReturnType<(typeof VARIABLES)[K]['schema']>> };
