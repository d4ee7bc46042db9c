/** Programs of the system that tests run for real: found on the PATH, otherwise installed. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SCRIPT = resolve(__dirname, '../../scripts/install-system-program.sh');
/** `apt-get update` and a package, perhaps behind another installation. */
export const INSTALL_DEADLINE_MS = 300_000;

export interface SystemProgram {
  /** As the install script calls it. */
  name: 'chromium' | 'openssl' | 'postgresql' | 'python3' | 'redis-server';
  /** What other systems call it. */
  otherNames?: string[];
  /** Folders where it may be besides the PATH: some shells leave out where Debian keeps servers. */
  alsoIn?: string[];
  /** Says what needs it and how to get it; the error begins like this. */
  missing: string;
}

/**
 * The program's path, after an installation by the system's package manager where there is none.
 * @throws Error saying what is missing and what to do
 */
export async function systemProgram(program: SystemProgram, env = process.env): Promise<string> {
  const found = await find(program, env);
  if (found !== undefined) return found;
  await install(program, env);
  const installed = await find(program, env);
  if (installed === undefined) throw new Error(`${program.missing}: it was installed but is not on the PATH`);
  return installed;
}

/** Whether this may be started. */
export const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false, // absent or not ours to run: look further
  );

async function install({ name, missing }: SystemProgram, env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await run('/bin/bash', [SCRIPT, name], { env, timeout: INSTALL_DEADLINE_MS });
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw new Error(`${missing}: ${stderr?.trim().split('\n').at(-1) ?? String(cause)}`, { cause });
  }
}

async function find(program: SystemProgram, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { name, otherNames = [], alsoIn = [] } = program;
  const folders = [...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...alsoIn];
  for (const path of [name, ...otherNames].flatMap((each) => folders.map((folder) => join(folder, each)))) {
    if (await isProgram(path)) return path;
  }
  return undefined;
}
