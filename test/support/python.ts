/** The `python3` that agents in Python are started with by their Procfile. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** As `requires-python` of the agents says. */
const LEAST: readonly [number, number] = [3, 9];
const MISSING = `The tests of the agents in Python need python3, ${LEAST.join('.')} or later, on the PATH (e.g. apt-get install python3)`;
const VERSION_DEADLINE_MS = 30_000;
/** `apt-get update` and a package of a few megabytes, perhaps behind another installation. */
const INSTALL_DEADLINE_MS = 300_000;

/**
 * Makes sure that there is one: on the PATH, otherwise installed by the system's package manager.
 * @param env where the PATH is taken from
 * @throws Error saying what is missing and what to do
 */
export async function ensurePython(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const found = (await version(env)) ?? (await install(env), await version(env));
  if (found === undefined) throw new Error(`${MISSING}: it was installed but is not on the PATH`);
  const [major = 0, minor = 0] = found.split('.').map(Number);
  if (major !== LEAST[0] || minor < LEAST[1]) throw new Error(`${MISSING}: the one there is ${found}`);
}

/** Like `3.11.2`; undefined when there is none. */
async function version(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const print = 'import platform; print(platform.python_version())';
  try {
    const { stdout } = await run('python3', ['-c', print], { env, timeout: VERSION_DEADLINE_MS });
    return stdout.trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${MISSING}: the one there does not run`, { cause: error });
  }
}

async function install(env: NodeJS.ProcessEnv): Promise<void> {
  const script = resolve(__dirname, '../../scripts/install-python.sh');
  try {
    await run('/bin/bash', [script], { env, timeout: INSTALL_DEADLINE_MS });
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw new Error(`${MISSING}: ${stderr?.trim().split('\n').at(-1) ?? String(cause)}`, { cause });
  }
}
