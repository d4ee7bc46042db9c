/** Orchestrators and the keys for them, kept for this user in a file that nobody else can read. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CliError, UsageError } from './exit';

type Env = Readonly<Record<string, string | undefined>>;

/** Where one orchestrator is, and the key for it. */
export interface Profile {
  url: string;
  key: string;
}

export const DEFAULT_PROFILE = 'default';
const NAME = /^[\w.-]{1,64}$/;
/** The owner reads and writes, nobody else does anything. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

const Profiles = z.object({
  profiles: z.record(z.string(), z.object({ url: z.string(), key: z.string() })),
});

/** @throws UsageError unless it can name a profile */
export function profileName(value: string): string {
  if (NAME.test(value)) return value;
  throw new UsageError(`"${value}" cannot name a profile: letters, digits, dots, dashes, 64 at most.`);
}

/** `$XDG_CONFIG_HOME/reveille/profiles.json`, else under `~/.config`. */
export const profilesFile = (env: Env = process.env): string =>
  join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'reveille', 'profiles.json');

/** @throws CliError when the file is there but cannot be read */
export function readProfiles(env: Env = process.env): Record<string, Profile> {
  const file = profilesFile(env);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw unreadable(file, error);
  }
  try {
    return Profiles.parse(JSON.parse(text)).profiles;
  } catch {
    // What is wrong with it may quote a key.
    throw unreadable(file, new Error('it is not what "reveille login" writes'));
  }
}

const unreadable = (file: string, cause: unknown): CliError =>
  new CliError(`${file} cannot be read: ${(cause as Error).message}.`, {
    lines: ['Mend or remove it, then log in again with "reveille login".'],
  });

/** Replaces the file whole, so that a command that reads meanwhile finds the one or the other. */
export function writeProfiles(profiles: Record<string, Profile>, env: Env = process.env): void {
  const file = profilesFile(env);
  const draft = `${file}.${process.pid}.tmp`;
  mkdirSync(dirname(file), { recursive: true, mode: FOLDER_MODE });
  try {
    writeFileSync(draft, `${JSON.stringify({ profiles }, undefined, 2)}\n`, { mode: FILE_MODE });
    chmodSync(draft, FILE_MODE); // whatever a file of that name had before
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * The profile that a command is to use: the one named, else the default one if there is one.
 * @throws UsageError when one is named that is not there
 */
export function chosenProfile(named: string | undefined, env: Env = process.env): Profile | undefined {
  const profiles = readProfiles(env);
  if (named === undefined) return profiles[DEFAULT_PROFILE];
  const found = Object.hasOwn(profiles, named) ? profiles[named] : undefined;
  if (found) return found;
  const known = Object.keys(profiles).sort().join(', ');
  throw new UsageError(`There is no profile "${named}".`, {
    lines: [
      known === '' ? 'There is none yet.' : `There are: ${known}.`,
      `Make it with: reveille login --profile ${named}`,
    ],
  });
}
