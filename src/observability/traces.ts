/**
 * Traces, exported by OTLP over HTTP. OpenTelemetry's packages are loaded here and only when a collector is named,
 * so that whoever does not trace pays nothing for it.
 */
import type { EventEmitter } from 'node:events';
import type { Telemetry } from 'bullmq';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { SpanData } from '../domain/spans';
import type { EngineEvents } from '../engine/context';
import type { Clock, Log } from '../engine/ports';
import { followWork } from './follow';
import { toReadable } from './span';

export interface TraceOptions {
  /** Where spans are posted, path included. */
  url: string;
  /** `name=value,…`, values percent-encoded. */
  headers?: string;
  serviceName: string;
  environment: string;
  log: Pick<Log, 'warn' | 'info'>;
  /** What became of spans: counted, so that a loss is seen. */
  observe?: (outcome: SpanOutcome, spans: number) => void;
}

export const SPAN_OUTCOMES = ['exported', 'failed', 'dropped'] as const;
export type SpanOutcome = (typeof SPAN_OUTCOMES)[number];

export interface Traces {
  /** BullMQ's own spans: of each hint, from who gave it to who took it up. */
  readonly telemetry: Telemetry;
  /** Tells of what the engine does from now on, until `close()`. */
  follow(events: EventEmitter<EngineEvents>, clock: Pick<Clock, 'now'>): void;
  /** Sends what is left, within {@link EXPORT_MS}. */
  close(): Promise<void>;
}

/** Spans held while the collector does not take them; more are dropped. About 1 KiB each. */
const MAX_WAITING = 8_192;
const BATCH = 512;
const DELAY_MS = 1_000;
/** One export, tries included. */
const EXPORT_MS = 5_000;

export async function openTraces(options: TraceOptions): Promise<Traces> {
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }, { BullMQOtel }, api] = await Promise.all([
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('bullmq-otel'),
    import('@opentelemetry/api'),
  ]);
  const { url, serviceName, environment } = options;
  const resource = resourceFromAttributes({
    'service.name': serviceName,
    'deployment.environment.name': environment,
  });
  const exporter = new OTLPTraceExporter({
    url,
    timeoutMillis: EXPORT_MS,
    headers: headersOf(options.headers),
  });
  const watched = new WatchedExporter(exporter, options);
  const batches = new sdk.BatchSpanProcessor(watched, {
    ...{ maxQueueSize: MAX_WAITING, maxExportBatchSize: BATCH },
    ...{ scheduledDelayMillis: DELAY_MS, exportTimeoutMillis: EXPORT_MS },
  });
  const add = (span: ReadableSpan) => watched.hasRoom() && batches.onEnd(span);
  const provider = new sdk.BasicTracerProvider({ resource, spanProcessors: [new WorkOnly(add)] });
  api.trace.setGlobalTracerProvider(provider);
  const stops: Array<() => void> = [];
  return {
    telemetry: new BullMQOtel({ tracerName: serviceName }) as Telemetry,
    follow: (events, clock) => {
      const send = (spans: SpanData[]) => spans.forEach((span) => add(toReadable(span, resource)));
      stops.push(followWork({ events, clock, send }));
    },
    close: async () => {
      for (const stop of stops.splice(0)) stop();
      api.trace.disable();
      await batches.shutdown();
    },
  };
}

/** As OpenTelemetry writes them in its variables. */
function headersOf(text = ''): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split(/=(.*)/s).map((part) => part.trim()));
  return Object.fromEntries(
    pairs.filter(([name]) => name !== '').map(([name = '', value = '']) => [name, decodeURIComponent(value)]),
  );
}

/** Keeps count of what waits, and tells when the collector stops and begins to take spans. */
class WatchedExporter implements SpanExporter {
  private waiting = 0;
  private isDown = false;

  constructor(
    private readonly inner: SpanExporter,
    private readonly options: Pick<TraceOptions, 'log' | 'observe'>,
  ) {}

  /** Counts one more, if there is room for it. */
  hasRoom(): boolean {
    if (this.waiting >= MAX_WAITING) {
      this.options.observe?.('dropped', 1);
      return false;
    }
    this.waiting += 1;
    return true;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.inner.export(spans, (result) => {
      this.waiting -= spans.length;
      const failed = result.error !== undefined;
      this.options.observe?.(failed ? 'failed' : 'exported', spans.length);
      this.tell(failed, result.error);
      done(result);
    });
  }

  private tell(failed: boolean, error: Error | undefined): void {
    if (failed === this.isDown) return;
    this.isDown = failed;
    if (failed)
      this.options.log.warn({ err: error?.message }, 'the collector takes no traces; some are lost');
    else this.options.log.info({}, 'the collector takes traces again');
  }

  shutdown(): Promise<void> {
    return this.inner.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.inner.forceFlush?.();
  }
}

/** Of BullMQ's spans those of jobs; it makes one each time that it looks for some, too. */
class WorkOnly implements SpanProcessor {
  constructor(private readonly add: (span: ReadableSpan) => void) {}

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (OF_JOBS.includes(span.kind)) this.add(span);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

/** Producers and consumers, as `SpanKind` of OpenTelemetry's API numbers them. */
const OF_JOBS: readonly number[] = [3, 4];
