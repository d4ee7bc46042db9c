/** Listens, and stops listening without cutting off who is being answered. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Milliseconds. A platform's router keeps its connections for about a minute; we keep ours longer. */
const TIMEOUTS = { headersTimeout: 15_000, requestTimeout: 60_000, keepAliveTimeout: 75_000 };
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 10_000;

export interface HttpServer {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  /** The port it listens on; of interest where 0 let the system choose. */
  readonly port: number;
  /** Takes no more connections, waits for answers under way, and cuts what is left at the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** @throws when the address cannot be bound, with the variable to change */
export async function startServer(
  listener: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<HttpServer> {
  const server = createServer({ ...TIMEOUTS, maxHeaderSize: MAX_HEADER_BYTES }, listener);
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw unbound(error, { host, port });
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: async (deadlineMs) => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed.finally(() => clearTimeout(cut));
    },
  };
}

/** Why nobody can listen there, by the variable to change. */
function unbound(error: unknown, { host, port }: { host: string; port: number }): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new Error(`PORT: ${port} is taken. End who listens there, or set another.`, { cause: error });
    case 'EACCES':
      return new Error(`PORT: ${port} is not for this user. Set one from 1024 on.`, { cause: error });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Error(
        `HOST: "${host}" is no address of this machine. Set 0.0.0.0 for all of them, 127.0.0.1 for this machine alone.`,
        { cause: error },
      );
    default:
      return error;
  }
}
