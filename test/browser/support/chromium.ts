/** The system's Chromium: at CHROMIUM_PATH, on the PATH, or installed by the system's package manager. */
import { chromium, type Browser } from 'playwright-core';
import {
  INSTALL_DEADLINE_MS,
  isProgram,
  systemProgram,
  type SystemProgram,
} from '../../support/system-program';

const CHROMIUM: SystemProgram = {
  name: 'chromium',
  otherNames: ['chromium-browser', 'google-chrome', 'google-chrome-stable'],
  alsoIn: ['/usr/bin', '/usr/local/bin'],
  missing:
    'The browser tests need Chromium: set CHROMIUM_PATH, or put chromium on the PATH (e.g. apt-get install chromium)',
};
const START_DEADLINE_MS = 30_000;
/** Where it has to be installed first. */
export const LAUNCH_DEADLINE_MS = INSTALL_DEADLINE_MS + START_DEADLINE_MS;

/** @throws Error that says how to get one, when there is no browser and none can be installed */
export async function launchChromium(): Promise<Browser> {
  // Root has no sandbox; the pages are our own.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const executablePath = await chromiumPath();
  return chromium.launch({ executablePath, args, timeout: START_DEADLINE_MS });
}

async function chromiumPath(): Promise<string> {
  const given = process.env.CHROMIUM_PATH;
  if (given === undefined || given === '') return systemProgram(CHROMIUM);
  if (await isProgram(given)) return given;
  throw new Error(`CHROMIUM_PATH names no program: ${given}`);
}
