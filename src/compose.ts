/** The only file that names concrete drivers (with compose-platform.ts): wires an orchestrator, and undoes it in reverse. */
import { EventEmitter } from 'node:events';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { RequestListener } from 'node:http';
import type { Logger } from 'pino';
import { grpcOf } from './compose-grpc';
import { platformOf } from './compose-platform';
import type { Config, TracesConfig } from './config';
import { MAX_SWEEP_INTERVAL_MS } from './config/variables';
import { examine } from './doctor';
import { DEFAULT_LIMITS, type Limits } from './domain/limits';
import { createAgents } from './engine/agents';
import { tellChannel } from './engine/alert-channels';
import { AlertWatch } from './engine/alert-watch';
import { OutageWatch } from './engine/outage-watch';
import { BuildFollower } from './engine/follow-builds';
import { openCheckpoints } from './engine/audit/open';
import { Callbacks } from './engine/callbacks';
import type { EngineDeps, EngineEvents } from './engine/context';
import { Engine } from './engine/engine';
import { announceSchedules } from './engine/forecast';
import type { Clock } from './engine/ports';
import { openQueue } from './engine/queue';
import { startRetention } from './engine/retention';
import { ApiKeys } from './http/auth';
import { createApp } from './http/app';
import { inFront } from './http/front';
import type { AppDeps } from './http/deps';
import { openDoor } from './http/door';
import { EventStreams } from './http/event-streams';
import { createMetrics, type Metrics } from './http/metrics';
import { OidcLogin } from './http/oidc/login';
import { startServer } from './http/server';
import { InboxRecorder } from './inbox/recorder';
import { Notifier, openChannels } from './notify';
import { tellOfWork } from './observability/tell';
import { openTraces, type Traces } from './observability/traces';
import { watched as watchedPlatform } from './platforms/watched';
import type { Registry } from './registry';
import { startEmbeddedPostgres } from './store/embedded';
import { openPostgresStore } from './store/postgres';
import type { Store } from './store/store';

export interface Orchestrator {
  readonly engine: Engine;
  readonly store: Store;
  readonly events: EventEmitter<EngineEvents>;
  /** Where it listens. */
  readonly url: string;
  /** Stops taking work, finishes what is in hand within the configured time, and lets go of everything. */
  close(): Promise<void>;
}

/** Why an orchestrator that only observes holds everything. */
const DISABLED =
  'this orchestrator processes nothing: ENGINE_ENABLED is false; start it with ENGINE_ENABLED=true';

/** How long requests under way may take once everything else has stopped. */
const CLOSE_MS = 2_000;

export interface ComposeOptions {
  limits?: Partial<Limits>;
}

/** Starts an orchestrator. @throws when something it needs cannot be had; nothing is left behind then. */
export async function compose(
  config: Config,
  registry: Registry,
  log: Logger,
  options: ComposeOptions = {},
): Promise<Orchestrator> {
  const undo = new Undo();
  try {
    return await start(config, registry, log, options, undo);
  } catch (error) {
    await undo.all();
    throw error;
  }
}

async function start(
  config: Config,
  registry: Registry,
  log: Logger,
  options: ComposeOptions,
  undo: Undo,
): Promise<Orchestrator> {
  const databaseUrl = await database(config, log, undo);
  const { migrateUrl } = config.storage;
  const owner = migrateUrl ? { ownerUrl: migrateUrl.reveal() } : {};
  const store = undo.push(
    await openPostgresStore(databaseUrl, { environment: config.environment, ...owner }),
    (s) => s.close(),
  );
  // Closed after the server: what it still answered is written down.
  const inbox = config.http.inbox
    ? undo.push(new InboxRecorder({ store, clock: systemClock, log }), (i) => i.close())
    : undefined;
  // The figures come up later than who is counted.
  const late: { metrics?: Metrics } = {};
  const traces =
    config.traces && undo.push(await tracesTo(config, config.traces, log, late), (t) => t.close());
  const redisUrl = config.storage.redisUrl?.reveal();
  const queue = undo.push(
    await openQueue({
      ...{ databaseUrl, log, ...owner, ...(redisUrl !== undefined && { redisUrl }) },
      ...(traces && { telemetry: traces.telemetry }),
    }),
    (q) => q.close(),
  );
  const driver = undo.push(platformOf(config), (p) => p.close());
  const platform = watchedPlatform(driver, () => systemClock.now());
  const agents = undo.push(createAgents(), (a) => a.close());
  // Listening comes first, because a port the system chose is part of the webhook's address.
  let app: RequestListener = notYet;
  const server = undo.push(await startServer((req, res) => app(req, res), config.http), (s) =>
    s.close(CLOSE_MS),
  );
  const url = `http://localhost:${server.port}`;
  const publicUrl = config.http.publicUrlIsDefault ? url : config.http.publicUrl;
  const events = new EventEmitter<EngineEvents>();
  const secret = await callbackSecret(config, store);
  const callbacks = new Callbacks(secret, `${publicUrl}/webhook`);
  const oidc = oidcLogin(config, { publicUrl, secret, log });
  const notifier = undo.push(
    new Notifier({
      ...{ store, clock: systemClock, random: Math.random, newId: randomUUID, log },
      channels: openChannels(config.notify, publicUrl, () => systemClock.now()),
      rules: config.notify.rules,
      observe: (sample) => late.metrics?.observeNotification(sample),
    }),
    (n) => n.close(),
  );
  const deps: EngineDeps = {
    store,
    queue,
    platform,
    ...(driver.builds && { builds: driver.builds }),
    agents,
    registry,
    log,
    callbacks,
    events,
    clock: systemClock,
    random: Math.random,
    newId: randomUUID,
    outbox: notifier,
    publicUrl,
    thresholds: config.oversight,
    limits: limitsOf(config, options),
    performing: config.role !== 'web' && config.engineEnabled,
    environment: config.environment,
    budgets: config.budgets,
    ...(!config.engineEnabled && { disabled: DISABLED }),
  };
  const engine = new Engine(deps);
  const streams = undo.push(new EventStreams({ events, clock: systemClock }), async (s) => s.close());
  const watched = {
    store,
    clock: systemClock,
    events,
    tasks: engine.tasks,
    log,
    platform,
    queue,
    ...(inbox && { inbox }),
  };
  const metrics = undo.push(createMetrics(watched), async (m) => m.close());
  late.metrics = metrics;
  traces?.follow(events, systemClock);
  undo.push(tellOfWork({ events, clock: systemClock, log }), async (stop) => stop());
  const audited = { store, clock: systemClock, log, alerts: engine.alerts, tasks: engine.tasks };
  const checkpoints = deps.performing ? openCheckpoints(config.audit, audited) : undefined;
  let stopping = false;
  const served: AppDeps = {
    engine,
    store,
    registry,
    queue,
    clock: systemClock,
    log,
    callbacks,
    auth: config.http.apiKeys.length > 0 ? new ApiKeys(config.http.apiKeys) : 'loopback-only',
    ...(oidc && { oidc }),
    webhookMaxBytes: config.http.webhookMaxBytes,
    ready: () => ({
      platform: platform.state,
      notifier: notifier.trouble().length === 0 ? 'ok' : 'messages do not arrive',
      schedules: engine.schedules.state,
      stopping,
      ...(!config.engineEnabled && { engine: 'is disabled: ENGINE_ENABLED is false' }),
      ...(checkpoints && { checkpoints: checkpoints.state }),
    }),
    metrics,
    notifier,
    events: streams,
    trustedProxies: config.http.trustedProxies,
    ...(inbox && { inbox }),
    doctor: () =>
      examine({
        ...{ config, databaseUrl, publicUrl, store, queue, platform, registry, log },
        ...{ clock: systemClock, env: process.env, makePlatform: platformOf },
        ...(oidc && { loginFault: () => oidc.fault() }),
      }),
  };
  const door = openDoor(served);
  app = inFront(served, createApp(served, door));
  const grpc = await grpcOf(config, served, door);
  if (grpc) undo.push(grpc, (g) => g.close(CLOSE_MS));
  if (config.role !== 'web') {
    const retention = startRetention(store, config.storage.retentionDays, log);
    undo.push(retention, async (stop) => stop());
  }
  notifier.onChange((state) => tellChannel(engine.alerts, state));
  notifier.start();
  if (deps.performing) {
    undo.push(new AlertWatch(deps, engine.alerts), async (w) => w.close()).start();
    undo.push(new OutageWatch({ ...deps, platform }, engine.alerts), async (w) => w.close()).start();
    undo.push(new BuildFollower(deps, engine.redeploys, engine.alerts), async (f) => f.close()).start();
  }
  await engine.start();
  if (checkpoints) undo.push(checkpoints, async (c) => c.stop()).start();
  if (deps.performing) engine.tasks.spawn('schedule forecast', () => announceSchedules(deps));
  const close = async () => {
    stopping = true;
    await engine.stop(config.shutdownTimeoutSeconds * 1_000);
    await undo.all();
  };
  return { engine, store, events, url, close };
}

/** Passes over nothing are most of what an idle orchestrator does: they may be as seldom as a pass ever is. */
function limitsOf(config: Config, { limits: given }: ComposeOptions): Limits {
  const limits = { ...DEFAULT_LIMITS, sweepMs: config.sweepIntervalMs, ...given };
  return {
    sweepIdleMs: Math.max(limits.sweepMs, Math.min(2.5 * limits.sweepMs, MAX_SWEEP_INTERVAL_MS)),
    ...limits,
  };
}

async function database(config: Config, log: Logger, undo: Undo): Promise<string> {
  const { databaseUrl, dataDir } = config.storage;
  if (databaseUrl) return databaseUrl.reveal();
  const embedded = await startEmbeddedPostgres({
    dataDir: join(dataDir, 'postgres'),
    log: (message) => log.info(message),
  });
  undo.push(embedded, (e) => e.stop());
  return embedded.url;
}

function tracesTo(
  { environment }: Config,
  traces: TracesConfig,
  log: Logger,
  late: { metrics?: Metrics },
): Promise<Traces> {
  const headers = traces.headers?.reveal();
  return openTraces({
    ...{ url: traces.url, serviceName: traces.serviceName, environment, log },
    ...(headers !== undefined && { headers }),
    observe: (outcome, spans) => late.metrics?.observeSpans(outcome, spans),
  });
}

function oidcLogin(
  { oidc }: Config,
  { publicUrl, ...deps }: { publicUrl: string; secret: string; log: Logger },
): OidcLogin | undefined {
  if (!oidc) return undefined;
  const settings = { ...oidc, redirectUri: `${publicUrl}/session/oidc/callback` };
  return new OidcLogin({ ...deps, settings, clock: systemClock });
}

/** The one configured, or one that all orchestrators of this database share. */
async function callbackSecret(config: Config, store: Store): Promise<string> {
  const configured = config.http.callbackSecret?.reveal();
  return configured ?? (await store.sharedSecret('callback', randomBytes(32).toString('base64url')));
}

/** Until everything is wired: whoever calls comes back. */
const notYet: RequestListener = (_req, res) => {
  res.writeHead(503, { 'retry-after': '1' }).end();
};

const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** What has to be undone, last things first. */
class Undo {
  private readonly steps: Array<() => Promise<void>> = [];

  push<T>(thing: T, undo: (thing: T) => Promise<void>): T {
    this.steps.unshift(() => undo(thing));
    return thing;
  }

  async all(): Promise<void> {
    for (const step of this.steps.splice(0)) await step();
  }
}
