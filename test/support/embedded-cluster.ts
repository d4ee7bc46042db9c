/** What the tests of the embedded Postgres must know of its files. */
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sharedFolder } from '../../src/store/embedded/account';
import { isAlive, signal, waitForExit } from '../../src/store/embedded/os-process';

const END_DEADLINE_MS = 10_000;

/** Where Postgres's own data directory is. */
async function clusterOf(dataDir: string): Promise<string | undefined> {
  const text = await textOf(join(dataDir, 'cluster.json'));
  if (text === undefined || !text.endsWith('}\n')) return undefined;
  const { shared, name } = JSON.parse(text) as { shared: boolean; name: string };
  return join(shared ? await sharedFolder(name) : dataDir, 'cluster');
}

/** The process id of the directory's server, if it runs. */
export async function serverPid(dataDir: string): Promise<number | undefined> {
  const cluster = await clusterOf(dataDir);
  const text = cluster === undefined ? undefined : await textOf(join(cluster, 'postmaster.pid'));
  const pid = Number.parseInt(text ?? '', 10);
  return Number.isNaN(pid) || !(await isAlive(pid)) ? undefined : pid;
}

/** Ends the server that a failed test left behind, and removes the data. */
export async function removeCluster(dataDir: string): Promise<void> {
  const pid = await serverPid(dataDir);
  if (pid !== undefined && pid !== process.pid) {
    signal(pid, 'SIGQUIT');
    if (!(await waitForExit([pid], END_DEADLINE_MS))) throw new Error(`the server ${pid} does not end`);
  }
  const cluster = await clusterOf(dataDir);
  const folder = cluster === undefined ? dataDir : dirname(cluster);
  for (const path of [folder, dataDir]) await rm(path, { recursive: true, force: true, maxRetries: 5 });
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
