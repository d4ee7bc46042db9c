/** The part of the configuration that says where traces go, in OpenTelemetry's own names. */
import { baseUrl, secret, words, type Kind } from './kinds';
import type { Secret } from './secret';
import type { Values, Variable } from './variables';

export interface TracesConfig {
  /** Where spans are posted, path included. */
  readonly url: string;
  /** `name=value,…`, values percent-encoded: usually a token. */
  readonly headers?: Secret;
  readonly serviceName: string;
}

const variable = <T>(kind: Kind<T>, about: string): Variable<T> => ({ group: 'traces', ...kind, about });

export const TRACE_VARIABLES = {
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(
    baseUrl(),
    'Base URL of a collector that takes OTLP over HTTP; traces are posted to /v1/traces below it. Unset: nothing is traced. See docs/observability.md.',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: variable(
    secret('headers as name=value, separated by commas, values percent-encoded'),
    'Headers for the collector, e.g. a token.',
  ),
  OTEL_SERVICE_NAME: variable(words('a name', 'reveille'), 'What the spans say they are of.'),
} as const satisfies Record<string, Variable>;

export function arrangeTraces(values: Values): { readonly traces?: TracesConfig } {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = values;
  if (endpoint === undefined) return {};
  return {
    traces: {
      ...{ url: `${endpoint}/v1/traces`, serviceName: values.OTEL_SERVICE_NAME },
      ...(headers && { headers }),
    },
  };
}
