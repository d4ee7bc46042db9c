/** Real Redis servers on loopback, kept in memory only. */
import { freePort } from './ports';
import { startProcess, type TestProcess } from './processes';
import { systemProgram, type SystemProgram } from './system-program';

const REDIS: SystemProgram = {
  name: 'redis-server',
  alsoIn: ['/usr/bin', '/usr/local/bin'],
  missing:
    'The tests need a real Redis: set REDIS_URL, or put redis-server on the PATH (e.g. apt-get install redis-server)',
};
const PORT_ATTEMPTS = 3;

export interface RedisServer {
  readonly url: string;
  readonly process: TestProcess;
  /** Ends it and waits. Its data is gone. Idempotent. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts a Redis of the caller's own, for a test that flushes, stops or kills it. It ends with
 * `stop()`; tests call that in `afterAll`. Pass a port to start again where one was.
 * @throws Error when there is no `redis-server` and none can be installed
 */
export async function startRedis(port?: number): Promise<RedisServer> {
  const program = await systemProgram(REDIS);
  let failure: unknown;
  for (let attempt = 1; attempt <= PORT_ATTEMPTS; attempt++) {
    const chosen = port ?? (await freePort()); // may be taken by the time Redis binds it
    const server = await startProcess(program, redisArgs(chosen), { cwd: '/' });
    try {
      await server.waitFor(/Ready to accept connections/);
      const stop = async () => void (await server.stop());
      return { url: `redis://127.0.0.1:${chosen}`, process: server, stop };
    } catch (error) {
      await server.stop();
      failure = error;
    }
  }
  throw new Error('redis-server does not start', { cause: failure });
}

function redisArgs(port: number): string[] {
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
