/**
 * TCP ports of this machine that nobody listens on: a moment ago, so whoever uses one is ready to lose it.
 * They are taken from below what a system gives to outgoing connections (Linux from 32768, IANA's own from
 * 49152), or a port that is kept for a capsule asleep would be gone with the next connection anybody opens.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const LOOPBACK = { host: '127.0.0.1' };
/** Somebody has it, or we may not. */
const NOT_FOR_US = ['EADDRINUSE', 'EACCES'];

/** Where a port is to be free: as `listen()` takes it; without one, on every address of this machine. */
export interface Where {
  host?: string;
}

/** From the first to the last, both in it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const PORTS: PortRange = { first: 26_000, last: 32_767 };

/** Where the search goes on in each range: a port that was just given out is not given again. */
const next = new WeakMap<PortRange, number>();

/** @throws Error when no port of the range is free */
export async function freePort(where: Where = LOOPBACK, range = PORTS): Promise<number> {
  const [port] = await freePorts(1, where, range);
  if (port === undefined) throw new Error('asked for one port, got none');
  return port;
}

/**
 * As many, each another.
 * @throws Error when the range has not as many that are free
 */
export async function freePorts(count: number, where: Where = LOOPBACK, range = PORTS): Promise<number[]> {
  const found: number[] = [];
  const all = range.last - range.first + 1;
  for (let tried = 0; found.length < count; tried += 1) {
    if (tried === all) throw new Error(`no ${count} free TCP ports from ${range.first} to ${range.last}`);
    const port = nextOf(range);
    if (await isFree(port, where)) found.push(port);
  }
  return found;
}

/** Begins anywhere: processes that search at the same time had better not meet. */
function nextOf(range: PortRange): number {
  const { first, last } = range;
  const port = next.get(range) ?? randomInt(first, last + 1);
  next.set(range, port === last ? first : port + 1);
  return port;
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
