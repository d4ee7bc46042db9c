/** What Prometheus is told. Gauges are read when it asks, from what the engine keeps anyway. */
import type { EventEmitter } from 'node:events';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry as PromRegistry } from 'prom-client';
import { ALERT_KINDS, type Alert, type AlertChange } from '../domain/alert';
import { CAPSULE_STATUSES } from '../domain/capsule';
import { isTerminal, type RunState } from '../domain/run';
import { Seen } from '../domain/seen';
import type { EngineEvents } from '../engine/context';
import type { Clock, Log, Queue } from '../engine/ports';
import type { InboxRecorder } from '../inbox/recorder';
import type { Store } from '../store/store';
import type { NotifySample } from '../notify';
import { withDeadline } from './deadline';
import { countNotifications, recordGauges, type RecordStore } from './record-metrics';
import { countRollouts, releaseGauges, type ReleaseReads, type ValidationSample } from './rollout-metrics';
import { countStages, type StageCounts } from './stage-metrics';

/** Overdue rows are counted up to here; more than that is "many". */
const MAX_OVERDUE = 200;
/** Open alerts are counted up to here. */
const MAX_ALERTS = 1_000;
/** Runs remembered as counted: a late result tells of an ended run again. */
const MAX_COUNTED = 10_000;
/** How often the event loop's lag is sampled; at the default of 10 ms that is most of what idling costs. */
const LAG_SAMPLE_MS = 250;
/** What one look at the store may take while Prometheus waits. */
const COLLECT_DEADLINE_MS = 3_000;

export interface MetricsDeps {
  store: Pick<Store, 'capsules' | 'dueRuns' | 'dueCapsules' | 'alerts'> & RecordStore & ReleaseReads;
  clock: Clock;
  events: EventEmitter<EngineEvents>;
  /** Work in hand in this process: the engine's `tasks`. */
  tasks: { readonly size: number };
  log: Pick<Log, 'warn'>;
  /** Absent while the inbox is off. */
  inbox?: Pick<InboxRecorder, 'stats'>;
  /** `ok` while the platform answers. */
  platform?: { readonly state: string };
  queue: Pick<Queue, 'ping'>;
}

export interface RequestSample {
  method: string;
  route: string;
  status: number;
  ms: number;
}

export interface Metrics {
  readonly contentType: string;
  observeRequest(sample: RequestSample): void;
  /** A try to tell people something. */
  observeNotification(sample: NotifySample): void;
  /** A stage of the validation pipeline that came to a verdict. */
  observeValidation(sample: ValidationSample): void;
  /** What became of spans of traces. */
  observeSpans(outcome: 'exported' | 'failed' | 'dropped', spans: number): void;
  /** The exposition text. */
  text(): Promise<string>;
  /** Stops listening to the engine. prom-client's observers of the process stay until it ends. */
  close(): void;
}

/** Starts to observe. Once for a process: see `close()`. */
export function createMetrics(deps: MetricsDeps): Metrics {
  const registry = new PromRegistry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_SAMPLE_MS });
  const requests = new Histogram({
    name: 'reveille_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const stopCounting = countRuns(deps.events, registry);
  const stopCountingAlerts = countAlerts(deps.events, registry);
  const stages = countStages({ ...deps, registry });
  const rollouts = countRollouts(deps.events, registry);
  const observeNotification = countNotifications(registry);
  const spans = new Counter({
    name: 'reveille_spans_total',
    help: 'Spans of traces, by what became of them.',
    labelNames: ['outcome'] as const,
    registers,
  });
  if (deps.inbox) countDeliveries(deps.inbox, registry);
  const readState = stateGauges(deps, registry, stages);
  return {
    contentType: registry.contentType,
    observeRequest: ({ method, route, status, ms }) =>
      requests.observe({ method, route, status: String(status) }, ms / 1_000),
    observeNotification,
    observeValidation: rollouts.observeValidation,
    observeSpans: (outcome, count) => spans.inc({ outcome }, count),
    text: async () => {
      await readState();
      return registry.metrics();
    },
    close: () => {
      stopCounting();
      stopCountingAlerts();
      stages.close();
      rollouts.close();
      registry.clear();
    },
  };
}

/** The recorder counts; this only tells. */
function countDeliveries(inbox: Pick<InboxRecorder, 'stats'>, registry: PromRegistry): void {
  new Counter({
    name: 'reveille_inbox_deliveries_total',
    help: 'Deliveries that this process wrote to the inbox, and those it dropped because the buffer was full.',
    labelNames: ['outcome'] as const,
    registers: [registry],
    collect() {
      const { recorded, dropped } = inbox.stats;
      this.reset();
      this.inc({ outcome: 'recorded' }, recorded);
      this.inc({ outcome: 'dropped' }, dropped);
    },
  });
}

function countRuns(events: EventEmitter<EngineEvents>, registry: PromRegistry): () => void {
  const ended = new Counter({
    name: 'reveille_runs_ended_total',
    help: 'Runs that this process brought to their end, by workflow and status.',
    labelNames: ['workflow', 'status'] as const,
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'reveille_run_duration_seconds',
    help: 'Time from a run being created to its end.',
    labelNames: ['workflow'] as const,
    buckets: [0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600],
    registers: [registry],
  });
  const counted = new Seen(MAX_COUNTED);
  const onRun = (run: RunState) => {
    if (!isTerminal(run.status) || !counted.first(run.id)) return;
    ended.inc({ workflow: run.workflowId, status: run.status });
    duration.observe(
      { workflow: run.workflowId },
      ((run.finishedAt ?? run.createdAt) - run.createdAt) / 1_000,
    );
  };
  events.on('run', onRun);
  return () => events.off('run', onRun);
}

function countAlerts(events: EventEmitter<EngineEvents>, registry: PromRegistry): () => void {
  const raised = new Counter({
    name: 'reveille_alerts_raised_total',
    help: 'Alerts that this process raised, by kind.',
    labelNames: ['kind'] as const,
    registers: [registry],
  });
  const onAlert = ({ kind }: Alert, change: AlertChange) => {
    if (change === 'raised') raised.inc({ kind });
  };
  events.on('alert', onAlert);
  return () => events.off('alert', onAlert);
}

/** Answers a function that reads them anew. A store that does not answer is a value, not an error. */
function stateGauges(
  { store, clock, tasks, log, platform, queue }: MetricsDeps,
  registry: PromRegistry,
  stages: Pick<StageCounts, 'forget'>,
): () => Promise<void> {
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const up = gauge('reveille_store_up', '1 while the store answers.');
  const platformUp = platform && gauge('reveille_platform_up', '1 while the platform answers.');
  const queueUp = gauge('reveille_queue_up', '1 while the queue answers.');
  const inHand = gauge('reveille_tasks', 'Commands being performed by this process.');
  const capsules = gauge('reveille_capsules', 'Capsules by status.', ['status']);
  const leases = gauge('reveille_leases', 'Leases held and steps waiting for one.', ['state']);
  const overdue = gauge(
    'reveille_overdue',
    `Rows whose time has come and that nobody took up yet, ${MAX_OVERDUE} at most: what the sweeper finds.`,
    ['entity'],
  );
  const alerts = gauge('reveille_alerts_open', 'Alerts that are open, by kind.', ['kind']);
  const records = recordGauges(registry);
  const releases = releaseGauges(registry);
  const read = async () => {
    const now = clock.now();
    const [all, runs, due, open] = await Promise.all([
      store.capsules(),
      store.dueRuns(now, MAX_OVERDUE),
      store.dueCapsules(now, MAX_OVERDUE),
      store.alerts({ open: true }, MAX_ALERTS),
    ]);
    for (const status of CAPSULE_STATUSES) {
      capsules.set({ status }, all.filter((c) => c.state.status === status).length);
    }
    leases.set(
      { state: 'held' },
      all.reduce((sum, c) => sum + c.activity.held, 0),
    );
    leases.set(
      { state: 'waiting' },
      all.reduce((sum, c) => sum + c.activity.waiting, 0),
    );
    overdue.set({ entity: 'run' }, runs.length);
    overdue.set({ entity: 'capsule' }, due.length);
    await records.read(store, all, now);
    stages.forget(await releases.read(store));
    for (const kind of Object.keys(ALERT_KINDS))
      alerts.set({ kind }, open.items.filter((alert) => alert.kind === kind).length);
  };
  return async () => {
    inHand.set(tasks.size);
    platformUp?.set(platform?.state === 'ok' ? 1 : 0);
    const queueAnswers = withDeadline(clock, queue.ping(), COLLECT_DEADLINE_MS).then(
      () => queueUp.set(1),
      () => queueUp.set(0),
    );
    try {
      await withDeadline(clock, read(), COLLECT_DEADLINE_MS);
      up.set(1);
    } catch (error) {
      log.warn({ err: error }, 'metrics could not be read from the store');
      for (const stale of [capsules, leases, overdue, alerts, ...records.stale, ...releases.stale])
        stale.reset();
      up.set(0);
    }
    await queueAnswers;
  };
}
