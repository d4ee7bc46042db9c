/** TCP ports of this machine that nobody listens on: a moment ago, so whoever uses one is ready to lose it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const LOOPBACK = { host: '127.0.0.1' };
/** Somebody has it, or we may not. */
const NOT_FOR_US = ['EADDRINUSE', 'EACCES'];

/** Where a port is to be free: as `listen()` takes it; without one, on every address of this machine. */
export interface Where {
  host?: string;
}

export async function freePort(where: Where = LOOPBACK): Promise<number> {
  const [port] = await freePorts(1, where);
  if (port === undefined) throw new Error('a TCP server without a port');
  return port;
}

/** As many, each another. */
export async function freePorts(count: number, where: Where = LOOPBACK): Promise<number[]> {
  // All are held until each has its own.
  const servers = await Promise.all(Array.from({ length: count }, () => listening(0, where)));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
    return address.port;
  });
  await Promise.all(servers.map(closed));
  return ports;
}

/** Whether one can listen there. */
export async function isFree(port: number, where: Where = LOOPBACK): Promise<boolean> {
  try {
    await closed(await listening(port, where));
    return true;
  } catch (error) {
    if (NOT_FOR_US.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

async function listening(port: number, where: Where): Promise<Server> {
  const server = createServer().listen({ port, ...where });
  await once(server, 'listening');
  return server;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
