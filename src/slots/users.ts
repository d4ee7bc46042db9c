/** Users of the app and of the agent, and the files that are theirs. */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { AppContract } from './config';
import { SlotsError } from './errors';

export type User = NonNullable<AppContract['run_as']>;

const GIVE_MS = 120_000;

/** @throws SlotsError where the contract names users that the controller cannot change to */
export function checkUsers({ run_as: app, agent_run_as: agent }: AppContract): void {
  if ((app ?? agent) === undefined) return;
  if (process.getuid?.() !== 0)
    throw new SlotsError('run_as and agent_run_as need a controller that runs as root; leave them out.');
  if (app !== undefined && app.uid === agent?.uid)
    throw new SlotsError(
      "agent_run_as must be another user than run_as: the app's user may read its secrets.",
    );
}

/** Gives a folder with all that is in it to a user; links are not followed. */
export async function give(folder: string, { uid, gid }: User): Promise<void> {
  await promisify(execFile)('chown', ['-Rh', `${uid}:${gid}`, '--', folder], { timeout: GIVE_MS });
}

/** Where the slots' sockets are, beside the one that does not change: the app's user's alone. */
export async function socketFolder(socket: string, user: User | undefined): Promise<string> {
  const folder = `${socket}.d`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  await chmod(folder, 0o700);
  return folder;
}
