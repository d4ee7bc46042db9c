/** Spans of the record in the shape that OpenTelemetry's exporters take. */
import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { SpanData } from '../domain/spans';

// As OpenTelemetry's API numbers them: its package is only loaded where something is traced.
const SAMPLED = 1;
const KIND = { internal: 0, server: 1, client: 2 } as const satisfies Record<SpanData['kind'], number>;
const OK = 1;
const ERROR = 2;

export const SCOPE = { name: 'reveille' };

export function toReadable(data: SpanData, resource: Resource): ReadableSpan {
  const { traceId, spanId, parentId, name, kind, from, to, attributes, fault, cause } = data;
  const context = contextOf(traceId, spanId);
  return {
    name,
    kind: KIND[kind],
    spanContext: () => context,
    ...(parentId !== undefined && { parentSpanContext: contextOf(traceId, parentId) }),
    startTime: timeOf(from),
    endTime: timeOf(to),
    duration: timeOf(to - from),
    ended: true,
    status: fault === undefined ? { code: OK } : { code: ERROR, message: fault },
    attributes: attributes satisfies Attributes,
    links: cause ? [{ context: contextOf(cause.traceId, cause.spanId) }] : [],
    events: [],
    resource,
    instrumentationScope: SCOPE,
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  };
}

const contextOf = (traceId: string, spanId: string): SpanContext => ({
  traceId,
  spanId,
  traceFlags: SAMPLED,
});

const SECOND_MS = 1_000;
const MS_NS = 1_000_000;
/** Seconds, and nanoseconds beyond them. */
const timeOf = (ms: number): HrTime => [Math.floor(ms / SECOND_MS), Math.round((ms % SECOND_MS) * MS_NS)];
