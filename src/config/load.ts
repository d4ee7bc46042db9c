/** From the environment to a checked configuration. */
import type { Problem } from '../domain/schedule';
import { arrangeAudit, missingForAudit, type AuditConfig } from './audit';
import { arrangeBudgets, type BudgetConfig } from './budgets';
import { arrangeGrpc, missingForGrpc, type GrpcConfig } from './grpc';
import { isLoopbackHost } from './kinds';
import { arrangePlatform, missingForPlatform, type PlatformConfig } from './platform';
import { arrangeOidc, missingForOidc, type OidcConfig } from './oidc';
import { arrangeOversight, type OversightConfig } from './oversight';
import { arrangeTraces, type TracesConfig } from './traces';
import { arrangeNotify, missingForNotify, type NotifyConfig } from './notify';
import type { Secret } from './secret';
import { VARIABLES, type Values, type Variable, type VariableName } from './variables';

/** The environment, as `process.env` has it. */
export type Env = Readonly<Record<string, string | undefined>>;

/** How this process runs. Read once, at start. Nothing secret in it can be printed by accident. */
export interface Config extends PlatformConfig {
  readonly environment: Values['NODE_ENV'];
  readonly role: Values['ROLE'];
  /** False: it observes and serves the API, and processes nothing. */
  readonly engineEnabled: boolean;
  readonly logLevel: Values['LOG_LEVEL'];
  readonly shutdownTimeoutSeconds: number;
  readonly sweepIntervalMs: number;
  readonly http: {
    readonly host: string;
    /** 0: any free one. */
    readonly port: number;
    /** Base of webhook URLs, without a slash at its end. */
    readonly publicUrl: string;
    /** True when it was derived from `port`: with port 0 it must be derived again once listening. */
    readonly publicUrlIsDefault: boolean;
    /** `sha256:<hex>` each. Empty: requests from this machine only. */
    readonly apiKeys: readonly string[];
    readonly callbackSecret?: Secret;
    readonly trustedProxies: number;
    readonly webhookMaxBytes: number;
    /** Whether deliveries are recorded and /inbox answers. */
    readonly inbox: boolean;
  };
  /** Absent: people log in with API keys alone. */
  readonly oidc?: OidcConfig;
  /** Absent: the deployment API is served over HTTP alone. */
  readonly grpc?: GrpcConfig;
  /** Where people are told of alerts and of what waits for them. */
  readonly notify: NotifyConfig;
  /** Absent: nothing is traced. */
  readonly traces?: TracesConfig;
  readonly storage: {
    /** Absent: the embedded Postgres in `dataDir`. Never absent in production. */
    readonly databaseUrl?: Secret;
    /** As who owns the tables. Absent: the role of `databaseUrl` does. */
    readonly migrateUrl?: Secret;
    /** Absent: the queue lives in Postgres. */
    readonly redisUrl?: Secret;
    readonly dataDir: string;
    readonly retentionDays: number;
    /** Where backups are, for the doctor to look at. */
    readonly backupDir?: string;
  };
  /** How the end of the ledger is signed, and where that is kept. */
  readonly audit: AuditConfig;
  /** What agents may do without asking. */
  readonly oversight: OversightConfig;
  /** How much may be spent and done in all. */
  readonly budgets: BudgetConfig;
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads the configuration. Blank variables count as unset. Every mistake is listed at once: its
 * place is the variable's name; the value of a secret is never repeated.
 */
export function loadConfig(env: Env): LoadedConfig {
  const { values, problems } = readVariables(env);
  const isGiven = (name: VariableName) => textOf(env, name) !== undefined;
  problems.push(...missing(values, isGiven));
  if (problems.length > 0) return { ok: false, problems };
  // Without problems each variable has been read.
  return { ok: true, config: arrange(values as Values) };
}

function textOf(env: Env, name: VariableName): string | undefined {
  return env[name]?.trim() || undefined;
}

function readVariables(env: Env): { values: Partial<Values>; problems: Problem[] } {
  const values: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [name, { schema, accepts, secret }] of Object.entries<Variable>(VARIABLES)) {
    const text = textOf(env, name as VariableName);
    const read = schema().safeParse(text);
    if (read.success) values[name] = read.data;
    else {
      const problem = secret
        ? 'the value does not fit (it is secret, so not shown)'
        : `"${text ?? ''}" does not fit`;
      problems.push({ place: name, problem, mend: `Set it to ${accepts}` });
    }
  }
  return { values: values, problems };
}

/** What must be set, given what is. A variable that is set but wrong has its problem already. */
function missing(values: Partial<Values>, isGiven: (name: VariableName) => boolean): Problem[] {
  const problems: Problem[] = [];
  const need = (place: VariableName, problem: string, mend: string) => {
    if (!isGiven(place)) problems.push({ place, problem, mend });
  };
  if (values.NODE_ENV === 'production') {
    const unset = 'is not set, and production does not improvise';
    need(
      'DATABASE_URL',
      unset,
      'Set it to a Postgres of your own, e.g. postgres://user:password@host:5432/reveille',
    );
    need(
      'PUBLIC_URL',
      unset,
      'Set it to the address agents reach this orchestrator at, e.g. https://reveille.example.com',
    );
    if (values.ROLE !== 'worker') {
      need(
        'API_KEYS',
        'is not set, so anybody could use the API',
        'Set it to a random key, e.g. from "openssl rand -hex 32"',
      );
    }
  }
  const { HOST: host } = values;
  if (host !== undefined && !isLoopbackHost(host) && values.ROLE !== 'worker') {
    need(
      'API_KEYS',
      `is not set, so ${host} may not be listened on`,
      'Set it, or unset HOST to listen on this machine only',
    );
  }
  if (isGiven('MIGRATE_URL'))
    need(
      'DATABASE_URL',
      'is not set, but MIGRATE_URL is',
      'Set it to the same database, as the role that runs',
    );
  missingForPlatform(values, isGiven, need);
  missingForAudit(isGiven, need);
  missingForNotify(isGiven, need);
  missingForGrpc(isGiven, need);
  missingForOidc(isGiven, need);
  return withoutRepeats(problems);
}

/** One problem a variable: the first says enough. */
function withoutRepeats(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.toReversed().map((problem) => [problem.place, problem])).values()].toReversed();
}

function arrange(values: Values): Config {
  const { CALLBACK_SECRET, DATABASE_URL, REDIS_URL, PUBLIC_URL, API_KEYS } = values;
  const host = values.HOST ?? (API_KEYS.length > 0 ? '0.0.0.0' : '127.0.0.1');
  return {
    environment: values.NODE_ENV,
    role: values.ROLE,
    engineEnabled: values.ENGINE_ENABLED === 'true',
    logLevel: values.LOG_LEVEL,
    shutdownTimeoutSeconds: values.SHUTDOWN_TIMEOUT_SECONDS,
    sweepIntervalMs: values.SWEEP_INTERVAL_MS,
    http: {
      host,
      port: values.PORT,
      publicUrl: PUBLIC_URL ?? `http://localhost:${values.PORT}`,
      publicUrlIsDefault: PUBLIC_URL === undefined,
      apiKeys: API_KEYS,
      ...(CALLBACK_SECRET && { callbackSecret: CALLBACK_SECRET }),
      trustedProxies: values.TRUSTED_PROXIES,
      webhookMaxBytes: values.WEBHOOK_MAX_BYTES,
      inbox: values.INBOX === 'on' || (values.INBOX === 'default' && values.NODE_ENV === 'development'),
    },
    storage: {
      ...(DATABASE_URL && { databaseUrl: DATABASE_URL }),
      ...(values.MIGRATE_URL && { migrateUrl: values.MIGRATE_URL }),
      ...(REDIS_URL && { redisUrl: REDIS_URL }),
      dataDir: values.DATA_DIR,
      retentionDays: values.RUN_RETENTION_DAYS,
      ...(values.BACKUP_DIR !== undefined && { backupDir: values.BACKUP_DIR }),
    },
    ...arrangePlatform(values),
    ...arrangeAudit(values),
    ...arrangeOidc(values),
    ...arrangeOversight(values),
    ...arrangeBudgets(values),
    ...arrangeNotify(values),
    ...arrangeTraces(values),
    ...arrangeGrpc(values, host),
  };
}
