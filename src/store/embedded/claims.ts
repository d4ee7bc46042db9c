/**
 * Claims: files by which processes on one machine tell each other that they use a directory.
 * Node has no file locks, and a lock file that outlives a kill -9 cannot be taken over without a
 * race. So each process writes a file of its own, whose name says who it is, and no process ever
 * decides about a living process's file. Removing a dead one's is always safe, as names are unique.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startedAt } from './os-process';

const RETRY_MIN_MS = 10;
const RETRY_SPREAD_MS = 40;

/** One process's claim on a directory. */
export interface Claim {
  /** Takes the claim back. Doing so twice is harmless. */
  release(): Promise<void>;
}

/** Puts a claim of this process into `dir`, creating it when needed. */
export async function claim(dir: string): Promise<Claim> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const started = await startedAt(process.pid);
  if (started === undefined) throw new Error('the operating system does not list this process');
  const path = join(dir, `${process.pid}.${started}.${randomBytes(6).toString('hex')}`);
  await writeFile(path, '', { flag: 'wx', mode: 0o600 });
  return { release: () => rm(path, { force: true }) };
}

/** The names of the claims in `dir` whose processes run. Claims of dead processes are removed. */
export async function liveClaims(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const checked = await Promise.all(
    names.map(async (name) => {
      const [pid, started] = name.split('.');
      if (started !== undefined && (await startedAt(Number(pid))) === started) return name;
      await rm(join(dir, name), { force: true });
      return undefined;
    }),
  );
  return checked.filter((name) => name !== undefined);
}

/**
 * Runs `work` while no other process runs work under the same `dir`.
 *
 * Mutual exclusion is by "raise the flag, then look": whoever sees a second live claim after
 * having raised its own takes its own back and tries again after a random pause. Two may both
 * yield, but never both proceed.
 * @throws Error when the directory is still in use by others after `deadlineMs`
 */
export async function exclusively<T>(dir: string, deadlineMs: number, work: () => Promise<T>): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    if ((await liveClaims(dir)).length === 0) {
      const mine = await claim(dir);
      try {
        if ((await liveClaims(dir)).length === 1) return await work();
      } finally {
        await mine.release();
      }
    }
    if (Date.now() >= end) {
      throw new Error(`${dir} was in use by another process for more than ${deadlineMs / 1000} s`);
    }
    await delay(RETRY_MIN_MS + Math.random() * RETRY_SPREAD_MS);
  }
}
