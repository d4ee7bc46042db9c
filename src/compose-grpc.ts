/** Serves the deployment API over gRPC where a port for it is named; what that takes is loaded only then. */
import type { Config } from './config';
import { isInTheClear } from './config/grpc';
import type { GrpcServer } from './grpc/server';
import type { AppDeps } from './http/deps';
import type { Door } from './http/door';

/** @throws when the address cannot be bound, or a file of TLS cannot be read */
export async function grpcOf({ grpc }: Config, deps: AppDeps, door: Door): Promise<GrpcServer | undefined> {
  if (!grpc) return undefined;
  const { startGrpc } = await import('./grpc/server.js');
  const server = await startGrpc(grpc, deps, door);
  deps.log.info({ port: server.port, tls: grpc.tls !== undefined }, 'the deployment API is served over gRPC');
  if (isInTheClear(grpc))
    deps.log.warn(
      {},
      'gRPC is in the clear: keep it behind a proxy that ends TLS, or set GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE',
    );
  return server;
}
