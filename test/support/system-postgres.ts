/** A Postgres of the operating system, with the programs that come with it: the embedded one has neither backup nor restore. */
import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { postgresAccount } from '../../src/store/embedded/account';
import { temporaryFolder } from './folders';
import { freePort } from './ports';
import { systemProgram, type SystemProgram } from './system-program';

const run = promisify(execFile);
const COMMAND_MS = 60_000;
const OWNER = 'reveille_test';
/** From the newest on; older ones are not supported. */
const VERSIONS = [19, 18, 17, 16, 15, 14];

const POSTGRES: SystemProgram = {
  name: 'postgresql',
  otherNames: ['initdb'],
  alsoIn: VERSIONS.flatMap((v) => [`/usr/lib/postgresql/${v}/bin`, `/usr/libexec/postgresql${v}`]),
  missing: 'The proof of backups needs Postgres with pg_dump (e.g. apt-get install postgresql)',
};

export interface SystemPostgres {
  /** Of the server, without a database. */
  readonly url: string;
  /** Where its programs are. */
  readonly bin: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts one that keeps nothing through a crash, on a free port of this machine.
 * @throws Error when there is none and none can be installed
 */
export async function startSystemPostgres(): Promise<SystemPostgres> {
  const bin = dirname(await systemProgram(POSTGRES));
  const folder = await temporaryFolder();
  const account = await postgresAccount();
  if (account.uid !== undefined) await chown(folder.path, account.uid, account.gid ?? account.uid);
  const dataDir = join(folder.path, 'data');
  const command = (name: string, args: string[]) =>
    run(join(bin, name), args, { ...account, cwd: folder.path, timeout: COMMAND_MS });
  const port = await freePort();
  try {
    await command('initdb', ['-D', dataDir, '-U', OWNER, '--auth=trust', '--no-sync', '-E', 'UTF8']);
    const settings = `-p ${port} -k ${folder.path} -c fsync=off -c listen_addresses=127.0.0.1`;
    await command('pg_ctl', ['-D', dataDir, '-l', join(folder.path, 'log'), '-o', settings, '-w', 'start']);
  } catch (error) {
    await folder.remove();
    throw error;
  }
  const stop = async () => {
    await command('pg_ctl', ['-D', dataDir, '-m', 'immediate', '-w', 'stop']);
    await folder.remove();
  };
  return { url: `postgres://${OWNER}@127.0.0.1:${port}`, bin, stop };
}
