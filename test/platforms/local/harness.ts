import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { CodeCapsulesOptions, CodeCapsulesPlatform } from '../../../src/platforms/code-capsules';
import { createCodeCapsulesPlatform } from '../../../src/platforms/code-capsules';
import type { LocalPlatform, LocalPlatformEvents, LocalPlatformOptions } from '../../../src/platforms/local';
import { createLocalPlatform } from '../../../src/platforms/local';
import { capsuleFolder, temporary } from '../folders';
import { freePort } from '../../support/ports';

/** Longer than anything a test waits for. */
const DEADLINE_MS = 20_000;

export interface Host {
  local: LocalPlatform;
  driver: CodeCapsulesPlatform;
  /** The capsule's repository. */
  folder: string;
  stateDir: string;
  port: number;
}

export interface HostOptions extends Partial<LocalPlatformOptions> {
  procfile?: string;
  files?: Record<string, string>;
  env?: Record<string, string>;
  coldStartMs?: number;
}

/** Makes local platforms with one capsule, `cap-1`, and stops them after each test. */
export function hosts() {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const each of undo.splice(0).reverse()) await each();
  });
  return async (options: HostOptions = {}): Promise<Host> => {
    const { procfile, files, env, coldStartMs, ...rest } = options;
    const state = await temporary();
    undo.push(state.dispose);
    const folder = await capsuleFolder(state.path, files, procfile);
    const port = await freePort();
    const capsule = { id: 'cap-1', folder, port, ...(env && { env }), ...(coldStartMs && { coldStartMs }) };
    const local = createLocalPlatform({ stateDir: state.path, capsules: [capsule], ...rest });
    undo.push(() => local.stop());
    await local.start();
    const driver = driverOf(local);
    undo.push(() => driver.close());
    return { local, driver, folder, stateDir: state.path, port };
  };
}

/** The production driver against a local platform, without retries: each fault shows. */
export function driverOf(
  local: LocalPlatform,
  options: Partial<CodeCapsulesOptions> = {},
): CodeCapsulesPlatform {
  return createCodeCapsulesPlatform({
    dialect: 'capsule',
    apiUrl: local.url,
    clusterUrl: local.url,
    credentials: { token: local.token },
    maxRetries: 0,
    requestTimeoutMs: 2_000,
    ...options,
  });
}

/** The next event of a kind. */
export async function next<E extends keyof LocalPlatformEvents>(
  local: LocalPlatform,
  event: E,
): Promise<LocalPlatformEvents[E][0]> {
  const [first] = (await once(local.events, event, {
    signal: AbortSignal.timeout(DEADLINE_MS),
  })) as LocalPlatformEvents[E];
  return first;
}

/** Polls until the value is there, or throws at the deadline. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What the capsule's server tells about its process, once it answers. */
export function answer(port: number): Promise<{ pid: number; env: Record<string, string> }> {
  return eventually(`port ${port} answers`, async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    return response?.json() as Promise<{ pid: number; env: Record<string, string> }> | undefined;
  });
}

/** Resolves when the process has ended. */
export function ended(pid: number): Promise<true> {
  return eventually(`process ${pid} ended`, () => (alive(pid) ? undefined : true));
}

/** Whether the process runs; one that has ended and only waits for its parent to notice does not. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
