/**
 * The server process: starting it, recognising one that is already there, stopping it.
 *
 * A server is in a session of its own, so that neither Ctrl-C in the terminal nor the death of
 * the process that started it reaches it: only `stopPostmaster` ends it, after everyone is done.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from './account';
import type { Binaries } from './binaries';
import { dataOf, logOf, serverEnv, type Cluster } from './cluster';
import { findByCommand, isAlive, signal, waitForExit } from './os-process';

/** Includes recovery after a crash, which replays up to `max_wal_size`. */
const START_DEADLINE_MS = 60_000;
/** A fast shutdown ends the sessions, rolls back and writes a checkpoint. */
const FAST_STOP_DEADLINE_MS = 20_000;
const IMMEDIATE_STOP_DEADLINE_MS = 5_000;
const READY_POLL_MS = 15;
/** The log is set aside once at start when it is larger; two files are kept. */
const LOG_MAX_BYTES = 8 * 1024 * 1024;
/** How much of the log goes into an error. */
const LOG_TAIL_BYTES = 2_000;

/** For a small machine that is always on; durability is never traded for speed. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '48MB',
  effective_cache_size: '256MB',
  maintenance_work_mem: '32MB',
  max_wal_size: '256MB',
  // No replication here, and so no processes for it.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  max_parallel_workers_per_gather: '0',
  io_method: 'sync',
  jit: 'off',
  log_checkpoints: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** For data nobody needs after a crash, as in tests. */
const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** A server that accepts connections. */
export interface Postmaster {
  pid: number;
  port: number;
}

interface PidFile extends Postmaster {
  /** `starting`, `ready`, `stopping` or `standby`; empty for a moment at first. */
  status: string;
}

/** Lines: pid, data directory, start time, port, socket directory, address, shared memory, status. */
async function readPidFile(cluster: Cluster): Promise<PidFile | undefined> {
  const text = await readFile(join(dataOf(cluster), 'postmaster.pid'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), status: lines[7]?.trim() ?? '' };
}

/**
 * The cluster's server when one runs, whoever started it. Ready or not: see {@link whenReady}.
 * A pid file alone proves nothing: the id may be another process's by now.
 */
export async function findPostmaster(cluster: Cluster): Promise<number | undefined> {
  const file = await readPidFile(cluster);
  if (file === undefined || !(await isAlive(file.pid))) return undefined;
  return (await processesOf(cluster)).includes(file.pid) ? file.pid : undefined;
}

/** The server and its children. All carry the cluster's name: as a setting, the children soon as their title. */
function processesOf({ name }: Cluster): Promise<number[]> {
  return findByCommand((command) => {
    return command.includes(` cluster_name=${name}`) || command.startsWith(`postgres: ${name}: `);
  });
}

/**
 * Waits until the server accepts connections. Undefined when it has ended or is shutting down.
 * @throws Error after the deadline
 */
export async function whenReady(cluster: Cluster, pid: number): Promise<Postmaster | undefined> {
  const end = Date.now() + START_DEADLINE_MS;
  while (Date.now() < end) {
    const file = await readPidFile(cluster);
    if (file?.pid === pid && file.status === 'ready') return { pid, port: file.port };
    if (file?.pid === pid && file.status === 'stopping') return undefined;
    if (!(await isAlive(pid))) return undefined;
    await delay(READY_POLL_MS);
  }
  throw new Error(
    `the embedded Postgres was not ready after ${START_DEADLINE_MS / 1000} s${await logTail(cluster)}`,
  );
}

/**
 * Clears what a server that was killed left: children of it that still run, and its pid file.
 * Postgres refuses to start over children that still write to the data, and over a pid file whose
 * process id lives again, if only as a zombie or as something else. The order matters: the file is
 * Postgres's own protection, and may only go when nothing of the old server runs.
 */
export async function clearRemains(cluster: Cluster): Promise<void> {
  const children = await processesOf(cluster);
  for (const pid of children) signal(pid, 'SIGQUIT');
  if (!(await waitForExit(children, IMMEDIATE_STOP_DEADLINE_MS))) {
    for (const pid of children) signal(pid, 'SIGKILL');
    if (!(await waitForExit(children, IMMEDIATE_STOP_DEADLINE_MS))) {
      throw new Error(`processes of an earlier embedded Postgres do not end: ${children.join(', ')}`);
    }
  }
  await rm(join(dataOf(cluster), 'postmaster.pid'), { force: true });
}

/**
 * Starts the server on the cluster's port. Nothing of an earlier one may run.
 * @returns undefined when it ended at once, as it does when the port is taken
 */
export async function startPostmaster(
  cluster: Cluster,
  binaries: Binaries,
  account: Account,
  durable: boolean,
): Promise<Postmaster | undefined> {
  const settings = { ...SETTINGS, ...(durable ? {} : NOT_DURABLE), cluster_name: cluster.name };
  const args = ['-D', dataOf(cluster), '-p', String(cluster.port)];
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`);
  const log = await openLog(cluster);
  let child: ChildProcess;
  try {
    child = spawn(binaries.postgres, args, {
      ...account,
      cwd: dataOf(cluster),
      env: serverEnv(),
      detached: true,
      stdio: ['ignore', log.fd, log.fd], // a file: a pipe would break with our death
    });
    await once(child, 'spawn');
  } finally {
    await log.close();
  }
  child.unref(); // whoever uses the server keeps the process alive, not the server itself
  if (child.pid === undefined) throw new Error('starting the embedded Postgres gave no process id');
  return whenReady(cluster, child.pid);
}

async function openLog(cluster: Cluster) {
  const path = logOf(cluster);
  const size = await stat(path).then(
    (found) => found.size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
  if (size > LOG_MAX_BYTES) await rename(path, `${path}.1`);
  return open(path, 'a', 0o600);
}

/** The end of the server's log, to be added to an error message. */
export async function logTail(cluster: Cluster): Promise<string> {
  const text = await readFile(logOf(cluster), 'utf8').catch((error: NodeJS.ErrnoException) => {
    return `(${logOf(cluster)} is not readable: ${error.message})`;
  });
  return `; the end of ${logOf(cluster)}:\n${text.slice(-LOG_TAIL_BYTES).trim()}`;
}

/**
 * Ends the server and waits until it is gone: fast (sessions end, all is written), and past a
 * deadline immediate (the next start recovers from the log).
 */
export async function stopPostmaster(cluster: Cluster, pid: number): Promise<void> {
  const steps = [
    ['SIGINT', FAST_STOP_DEADLINE_MS],
    ['SIGQUIT', IMMEDIATE_STOP_DEADLINE_MS],
    ['SIGKILL', IMMEDIATE_STOP_DEADLINE_MS],
  ] as const;
  for (const [name, deadlineMs] of steps) {
    signal(pid, name);
    if (await waitForExit([pid], deadlineMs)) return;
  }
  throw new Error(`the embedded Postgres (process ${pid} of ${cluster.dataDir}) does not end`);
}
