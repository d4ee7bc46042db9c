/** An orchestrator behind real HTTP on a free port, on the in-memory store and faked ports. */
import { EventEmitter } from 'node:events';
import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import pino from 'pino';
import type { AgentRunRequest, AgentRunResult } from '../../../src/contract';
import { DEFAULT_LIMITS } from '../../../src/domain/limits';
import { Callbacks } from '../../../src/engine/callbacks';
import type { EngineDeps, EngineEvents } from '../../../src/engine/context';
import { Engine } from '../../../src/engine/engine';
import { createApp } from '../../../src/http/app';
import { inFront } from '../../../src/http/front';
import type { AppDeps, Readiness } from '../../../src/http/deps';
import { openDoor } from '../../../src/http/door';
import { EventStreams, type EventStreamsOptions } from '../../../src/http/event-streams';
import { createMetrics } from '../../../src/http/metrics';
import { startServer } from '../../../src/http/server';
import { InboxRecorder } from '../../../src/inbox/recorder';
import type { InboxLimits } from '../../../src/inbox/limits';
import { loadRegistry, type Env, type Registry, type RegistryInput } from '../../../src/registry';
import { createMemoryStore } from '../../../src/store/memory';
import { client, type Answer, type Call, type CallOptions } from './client';
import { ManualClock } from './clock';
import { FakeCloud, FakeQueue, withOutage } from './fakes';

/** What the tests search every answer and every log line for. */
export const AGENT_SECRET = 'agent-secret-canary-0123456789';
const CALLBACK_SECRET = 'callback-secret-canary-0123456789';
const CLOSE_DEADLINE_MS = 1_000;

export const REGISTRY: RegistryInput = {
  agents: [
    {
      id: 'crawler',
      name: 'Crawler',
      capsuleId: 'cap-crawler',
      baseUrl: 'http://localhost:3101',
      secret: AGENT_SECRET,
      pricePerReplicaHourUsd: 0.05,
    },
    {
      id: 'writer',
      name: 'Writer',
      capsuleId: 'cap-writer',
      baseUrl: 'http://localhost:3102',
      lingerSeconds: 0,
    },
  ],
  workflows: [
    {
      id: 'audit',
      name: 'Audit',
      input: { depth: 2 },
      schedule: { cron: '0 9 * * 1', timezone: 'Europe/Berlin' },
      steps: [
        { id: 'crawl', agent: 'crawler' },
        { id: 'write', agent: 'writer' },
      ],
    },
    { id: 'single', name: 'Single', steps: [{ id: 'only', agent: 'writer' }] },
  ],
};

export interface ApiOptions extends Partial<
  Pick<AppDeps, 'auth' | 'oidc' | 'webhookMaxBytes' | 'limits' | 'trustedProxies' | 'doctor'>
> {
  streams?: Partial<EventStreamsOptions>;
  /** On unless false; with limits of its own. */
  inbox?: Partial<InboxLimits> | false;
  /** Where the platform builds. */
  builds?: EngineDeps['builds'];
  /** Instead of {@link REGISTRY}, under this environment. */
  registry?: { input: RegistryInput; env: Env };
}

export type Api = Awaited<ReturnType<typeof startApi>>;

export async function startApi(options: ApiOptions = {}) {
  const { streams: streamOptions, inbox: inboxLimits = {}, registry: given, builds, ...appOptions } = options;
  const clock = new ManualClock();
  const cloud = new FakeCloud();
  const queue = new FakeQueue();
  const { store, outage } = withOutage(createMemoryStore());
  const events = new EventEmitter<EngineEvents>();
  const { log, lines } = collectingLog();
  const registry = testRegistry(given?.input, given?.env);
  const callbacks = new Callbacks(CALLBACK_SECRET, 'http://orchestrator.test/webhook');
  const { platform, agents } = cloud;
  const shared = { store, queue, clock, registry, log, callbacks };
  const engine = new Engine({
    ...shared,
    ...(builds && { builds }),
    platform,
    agents,
    events,
    random: () => 0.5,
    newId: randomUUID,
    limits: DEFAULT_LIMITS,
    performing: true,
  });
  const streams = new EventStreams({ events, clock, ...streamOptions });
  const inbox = inboxLimits && new InboxRecorder({ store, clock, log, limits: inboxLimits });
  const watched = { store, clock, events, tasks: engine.tasks, log, queue, platform: { state: 'ok' } };
  const metrics = createMetrics({ ...watched, ...(inbox && { inbox }) });
  const readiness: Readiness = { schedules: 'ok' };
  const deps: AppDeps = {
    ...shared,
    engine,
    metrics,
    events: streams,
    ready: () => readiness,
    ...(inbox && { inbox }),
    auth: 'loopback-only',
    webhookMaxBytes: 64 * 1024,
    ...appOptions,
  };
  const door = openDoor(deps);
  const app = createApp(deps, door);
  await engine.start();
  const server = await startServer(inFront(deps, app), { host: '127.0.0.1', port: 0 });
  const call = client(server.port);
  return {
    ...{
      inbox,
      app,
      call,
      cloud,
      clock,
      queue,
      store,
      outage,
      engine,
      events,
      streams,
      readiness,
      callbacks,
      deps,
      door,
    },
    port: server.port,
    /** Everything that was logged, as text. */
    logged: () => lines.join(''),
    /** Starts a run over HTTP. */
    startRun: (workflowId = 'audit', init: CallOptions = {}) =>
      call('POST', `/workflows/${workflowId}/runs`, init),
    deliver: (job: AgentRunRequest, change: Partial<AgentRunResult> = {}) => deliver(call, job, change),
    close: async () => {
      streams.close();
      await server.close(CLOSE_DEADLINE_MS);
      if (inbox) await inbox.close();
      const stopped = engine.stop(0);
      // Its deadline is a timer of a clock that only we move.
      await new Promise((next) => setImmediate(next));
      clock.advance(0);
      await stopped;
      metrics.close();
    },
  };
}

export function testRegistry(input: RegistryInput = REGISTRY, env: Env = {}): Registry {
  const loaded = loadRegistry(input, env);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.registry;
}

function collectingLog() {
  const lines: string[] = [];
  const sink = new PassThrough();
  sink.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  return { log: pino({ level: 'debug' }, sink), lines };
}

/** A result as an agent would report it for a job. */
export const resultOf = (job: AgentRunRequest, change: Partial<AgentRunResult> = {}): AgentRunResult => ({
  workflowId: job.workflowId,
  stepId: job.stepId,
  runId: job.runId,
  status: 'success',
  output: { from: job.stepId },
  durationMs: 1_200,
  ...change,
});

/** The path and query of the URL an agent was given. */
export function webhookPath(job: AgentRunRequest): string {
  const { pathname, search } = new URL(job.config.webhookUrl);
  return pathname + search;
}

const deliver = (call: Call, job: AgentRunRequest, change: Partial<AgentRunResult>): Promise<Answer> =>
  call('POST', webhookPath(job), { json: resultOf(job, change) });
