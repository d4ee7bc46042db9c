/** The `python3` that agents in Python are started with by their Procfile. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { systemProgram } from './system-program';

const run = promisify(execFile);

/** As `requires-python` of the agents says. */
const LEAST: readonly [number, number] = [3, 9];
const MISSING = `The tests of the agents in Python need python3, ${LEAST.join('.')} or later, on the PATH (e.g. apt-get install python3)`;
const VERSION_DEADLINE_MS = 30_000;

/**
 * Makes sure that there is one: on the PATH, otherwise installed by the system's package manager.
 * @param env where the PATH is taken from
 * @throws Error saying what is missing and what to do
 */
export async function ensurePython(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const program = await systemProgram({ name: 'python3', missing: MISSING }, env);
  const found = await version(program, env);
  const [major = 0, minor = 0] = found.split('.').map(Number);
  if (major !== LEAST[0] || minor < LEAST[1]) throw new Error(`${MISSING}: the one there is ${found}`);
}

/** Like `3.11.2`. */
async function version(program: string, env: NodeJS.ProcessEnv): Promise<string> {
  const print = 'import platform; print(platform.python_version())';
  try {
    const { stdout } = await run(program, ['-c', print], { env, timeout: VERSION_DEADLINE_MS });
    return stdout.trim();
  } catch (cause) {
    throw new Error(`${MISSING}: the one there does not run`, { cause });
  }
}
