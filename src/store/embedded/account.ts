/**
 * The user that Postgres runs as. Postgres refuses to run as root, which is what most containers
 * and many new machines give us; then it runs as the system user `postgres`, created when missing.
 */
import { execFile } from 'node:child_process';
import { cp, lstat, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binariesAt, type Binaries } from './binaries';

const run = promisify(execFile);

const USER = 'postgres';
const COMMAND_DEADLINE_MS = 30_000;

/**
 * Where root puts what the system user must reach when our own folders are closed to it, as they
 * are anywhere under `/root`. Owned by root, readable by all.
 */
const SHARED_ROOT = '/var/lib/reveille';

/** Ids to run a child process under; empty for our own. */
export interface Account {
  uid?: number;
  gid?: number;
}

/**
 * The account for Postgres: our own, unless we are root.
 * @throws Error when we are root and there is no such user and none can be created
 */
export async function postgresAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return {};
  const known = await lookUp(USER);
  if (known !== undefined) return known;
  try {
    await run('groupadd', ['--system', '--force', USER], { timeout: COMMAND_DEADLINE_MS });
    await run('useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', '-g', USER, USER], {
      timeout: COMMAND_DEADLINE_MS,
    });
  } catch (cause) {
    // Another process may have created it at the same moment.
    const created = await lookUp(USER);
    if (created !== undefined) return created;
    const hint = `create one (useradd --system ${USER}), run as another user than root, or set DATABASE_URL`;
    throw new Error(`Postgres does not run as root, and creating the user ${USER} failed: ${hint}`, {
      cause,
    });
  }
  const created = await lookUp(USER);
  if (created === undefined) throw new Error(`the user ${USER} was created but is not in /etc/passwd`);
  return created;
}

async function lookUp(user: string): Promise<Required<Account> | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n');
  const fields = lines.map((line) => line.split(':')).find((entry) => entry[0] === user);
  if (fields === undefined) return undefined;
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/** Whether the account may enter the folder and read it. Asked of the system, so that ACLs count. */
export async function canReach(account: Account, folder: string): Promise<boolean> {
  if (account.uid === undefined) return true;
  try {
    await run('/bin/sh', ['-c', 'test -r "$1" && test -x "$1"', 'sh', folder], {
      ...account,
      cwd: '/',
      timeout: COMMAND_DEADLINE_MS,
    });
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === 1) return false;
    throw new Error(`finding out whether the user ${USER} can read ${folder} failed`, { cause: error });
  }
}

/**
 * The programs at a place the account can reach: where npm put them, otherwise a copy (about 60 MB)
 * that all checkouts of this machine share.
 */
export async function reachableBinaries(binaries: Binaries, account: Account): Promise<Binaries> {
  if (await canReach(account, join(binaries.root, 'bin'))) return binaries;
  await requirePrivateRoot();
  const copy = join(SHARED_ROOT, `postgres-${binaries.version}`);
  try {
    await lstat(copy);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await copyTree(binaries.root, copy);
  }
  return binariesAt(copy, binaries.version);
}

/** Copies beside the target and renames, so that a copy is complete or not there. */
async function copyTree(from: string, to: string): Promise<void> {
  const partial = `${to}.${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  await cp(from, partial, { recursive: true, verbatimSymlinks: true, mode: 0 });
  await rename(partial, to).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(partial, { recursive: true, force: true }); // another process was faster
  });
}

/** A folder that the account can reach, for a cluster whose own place it cannot. */
export async function sharedFolder(name: string): Promise<string> {
  await requirePrivateRoot();
  const folder = join(SHARED_ROOT, 'data', name);
  await mkdir(folder, { recursive: true, mode: 0o711 });
  return folder;
}

/** Creates the shared root; what lies there is run or trusted, so nobody else may own it. */
async function requirePrivateRoot(): Promise<void> {
  await mkdir(SHARED_ROOT, { recursive: true, mode: 0o755 });
  const stat = await lstat(SHARED_ROOT);
  if (!stat.isDirectory() || stat.uid !== 0 || (stat.mode & 0o022) !== 0) {
    throw new Error(`${SHARED_ROOT} must be a folder that belongs to root and that only root may write`);
  }
}
