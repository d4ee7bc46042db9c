/** The system's Chromium: at CHROMIUM_PATH, on the PATH, or installed by the system's package manager. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

const run = promisify(execFile);
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const INSTALL_DEADLINE_MS = 300_000;
const START_DEADLINE_MS = 30_000;
/** Where it has to be installed first. */
export const LAUNCH_DEADLINE_MS = INSTALL_DEADLINE_MS + START_DEADLINE_MS;
const MISSING =
  'The browser tests need Chromium: set CHROMIUM_PATH, or put chromium on the PATH (e.g. apt-get install chromium)';

/** @throws Error that says how to get one, when there is no browser and none can be installed */
export async function launchChromium(): Promise<Browser> {
  // Root has no sandbox; the pages are our own.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const executablePath = await chromiumPath();
  return chromium.launch({ executablePath, args, timeout: START_DEADLINE_MS });
}

async function chromiumPath(): Promise<string> {
  const given = process.env.CHROMIUM_PATH;
  if (given !== undefined && given !== '') {
    if (await isProgram(given)) return given;
    throw new Error(`CHROMIUM_PATH names no program: ${given}`);
  }
  const found = await findOnPath();
  if (found !== undefined) return found;
  const script = resolve(__dirname, '../../../scripts/install-chromium.sh');
  try {
    await run('bash', [script], { timeout: INSTALL_DEADLINE_MS });
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw new Error(`${MISSING}: ${stderr?.trim().split('\n').at(-1) ?? String(cause)}`, { cause });
  }
  const installed = await findOnPath();
  if (installed === undefined) throw new Error(`${MISSING}: it was installed but is not on the PATH`);
  return installed;
}

async function findOnPath(): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  for (const path of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    if (await isProgram(path)) return path;
  }
  return undefined;
}

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false, // absent or not ours to run: look further
  );
