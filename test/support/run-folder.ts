/**
 * The run's own folder: temporary folders of tests, and a list of the processes that tests started.
 * What a run leaves behind when it is interrupted is found and ended by it; see services.ts.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findByCommand, isAlive, signal, startedAt, waitForExit } from '../../src/store/embedded/os-process';

const END_DEADLINE_MS = 10_000;

const listIn = (folder: string): string => join(folder, 'processes');

/** The folder of the run that this process belongs to; none outside of Jest. */
export const runFolder = (): string | undefined => process.env.TEST_RUN_FOLDER;

/** Writes down a process, the leader of a group, that must not outlive the run. */
export async function enlist(pid: number): Promise<void> {
  const folder = runFolder();
  if (folder === undefined) return;
  // With its start, as ids are reused.
  await appendFile(listIn(folder), `${pid} ${(await startedAt(pid)) ?? 'gone'}\n`);
}

/**
 * Ends what still runs of a run: listed processes with their groups, and whatever has the run's
 * folder in its command line, such as an embedded Postgres. Returns their number.
 */
export async function endStrays(folder: string): Promise<number> {
  const leaders = await listed(folder);
  for (const pid of leaders) signal(-pid, 'SIGKILL');
  const others = await findByCommand((command) => command.includes(folder));
  for (const pid of others) signal(pid, 'SIGKILL');
  const strays = [...new Set([...leaders, ...others])];
  if (!(await waitForExit(strays, END_DEADLINE_MS))) throw new Error(`do not end: ${strays.join(', ')}`);
  return strays.length;
}

async function listed(folder: string): Promise<number[]> {
  const text = await readFile(listIn(folder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const running: number[] = [];
  for (const line of text.split('\n').filter((entry) => entry !== '')) {
    const [pid, started] = line.split(' ');
    const same = (await isAlive(Number(pid))) && (await startedAt(Number(pid))) === started;
    if (same) running.push(Number(pid));
  }
  return running;
}
