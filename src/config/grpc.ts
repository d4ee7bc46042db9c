/** The part of the configuration that says whether the deployment API is served over gRPC, and how. */
import { z } from 'zod';
import { isLoopbackHost, words, type Kind } from './kinds';
import type { Values, Variable, VariableName } from './variables';

export interface GrpcConfig {
  /** As for HTTP. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Absent: in the clear, for this machine or behind a proxy that ends TLS. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

const MAX_PORT = 65_535;

function optionalPort(): Kind<number | undefined> {
  const schema = () => z.string().regex(/^\d+$/).transform(Number).pipe(z.number().max(MAX_PORT)).optional();
  return { schema, accepts: `a whole number from 0 to ${MAX_PORT}` };
}

const variable = <T>(kind: Kind<T>, about: string): Variable<T> => ({ group: 'grpc', ...kind, about });

export const GRPC_VARIABLES = {
  GRPC_PORT: variable(
    optionalPort(),
    'Serves the deployment API over gRPC on this port of HOST; 0 takes any free one. Unset: over HTTP alone. See docs/grpc.md.',
  ),
  GRPC_TLS_CERT_FILE: variable(
    words('the path of a PEM file'),
    'The certificate, with those between it and the root. Unset: in the clear.',
  ),
  GRPC_TLS_KEY_FILE: variable(words('the path of a PEM file'), 'Its private key.'),
} as const satisfies Record<string, Variable>;

export function missingForGrpc(
  isGiven: (name: VariableName) => boolean,
  need: (place: VariableName, problem: string, mend: string) => void,
): void {
  const mend = 'Set it to a PEM file, or unset the other one';
  if (isGiven('GRPC_TLS_CERT_FILE')) need('GRPC_TLS_KEY_FILE', 'is not set, but GRPC_TLS_CERT_FILE is', mend);
  if (isGiven('GRPC_TLS_KEY_FILE')) need('GRPC_TLS_CERT_FILE', 'is not set, but GRPC_TLS_KEY_FILE is', mend);
}

/** @param host what HTTP listens on */
export function arrangeGrpc(values: Values, host: string): { readonly grpc?: GrpcConfig } {
  const { GRPC_PORT: port, GRPC_TLS_CERT_FILE: certFile, GRPC_TLS_KEY_FILE: keyFile } = values;
  if (port === undefined) return {};
  const tls = certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : undefined;
  return { grpc: { host, port, ...(tls && { tls }) } };
}

/** Whether keys pass a network without TLS of ours. */
export const isInTheClear = ({ host, tls }: GrpcConfig): boolean => !tls && !isLoopbackHost(host);
