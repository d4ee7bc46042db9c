/** Real Redis servers on loopback, kept in memory only. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './ports';
import { startProcess, type TestProcess } from './processes';

const run = promisify(execFile);

const PROGRAM = 'redis-server';
/** `apt-get update` and a package of a few megabytes, perhaps behind another installation. */
const INSTALL_DEADLINE_MS = 300_000;
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
  const program = await redisProgram();
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

/** The path of `redis-server`: on the PATH, otherwise installed by the system's package manager. */
async function redisProgram(): Promise<string> {
  const found = await findOnPath();
  if (found !== undefined) return found;
  const script = resolve(__dirname, '../../scripts/install-redis.sh');
  try {
    await run('bash', [script], { timeout: INSTALL_DEADLINE_MS });
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    const reason = stderr?.trim().split('\n').at(-1) ?? String(cause);
    throw new Error(`${MISSING}: ${reason}`, { cause });
  }
  const installed = await findOnPath();
  if (installed === undefined) throw new Error(`${MISSING}: it was installed but is not on the PATH`);
  return installed;
}

const MISSING =
  'The tests need a real Redis: set REDIS_URL, or put redis-server on the PATH (e.g. apt-get install redis-server)';

async function findOnPath(): Promise<string | undefined> {
  // Some shells leave out the folder in which Debian keeps servers.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  for (const folder of folders) {
    const path = join(folder, PROGRAM);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false, // absent or not ours to run: look further
    );
    if (usable) return path;
  }
  return undefined;
}
