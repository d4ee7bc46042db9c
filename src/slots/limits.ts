/** What an app's process may use, set by prlimit where the machine has it. */
import { existsSync } from 'node:fs';
import type { AppContract } from './config';
import { SlotsError } from './errors';

const PRLIMIT = ['/usr/bin/prlimit', '/bin/prlimit'];
const BYTES_PER_MB = 1_000_000;

export type Limits = NonNullable<AppContract['limits']>;

/**
 * The command that starts `command` by a shell within its limits.
 * @throws SlotsError where there are limits and no prlimit: unlimited is not what was asked for
 */
export function limited(command: string, limits: Limits | undefined): [string, string[]] {
  const shell = ['/bin/sh', '-c', command] as const;
  if (limits === undefined) return [shell[0], [...shell.slice(1)]];
  const prlimit = PRLIMIT.find((file) => existsSync(file));
  if (prlimit === undefined)
    throw new SlotsError('The contract has limits, which need prlimit (util-linux); install it.');
  // Of memory the data counts: runtimes reserve far more addresses than they use.
  const options = [
    limits.memory_mb && `--data=${limits.memory_mb * BYTES_PER_MB}`,
    limits.open_files && `--nofile=${limits.open_files}`,
    limits.file_mb && `--fsize=${limits.file_mb * BYTES_PER_MB}`,
    limits.cpu_seconds && `--cpu=${limits.cpu_seconds}`,
  ].filter((option) => typeof option === 'string');
  return [prlimit, [...options, '--', ...shell]];
}
