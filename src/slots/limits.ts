/** What an app may use: by a control group for all it starts together, else by prlimit for each process. */
import { existsSync } from 'node:fs';
import { openCgroups, type Cgroups, type GroupLimits, type Opened } from './cgroups';
import type { AppContract } from './config';
import { SlotsError } from './errors';

const PRLIMIT = ['/usr/bin/prlimit', '/bin/prlimit'];
const BYTES_PER_MB = 1_000_000;
/** What prlimit cannot do: it knows processes alone. */
const GROUP_ONLY = ['cpu_percent', 'tasks'] as const;
/**
 * Waits on descriptor 3 until it was put into its group, so that nothing is started outside of it. The word does
 * not come where that failed.
 */
const WAIT = 'read -r go <&3 && exec 3<&- && exec "$@"';

export type Limits = Partial<NonNullable<AppContract['limits']>>;

/** How the contract's limits hold on this machine. */
export interface Enforcement {
  by: 'nothing' | 'prlimit' | 'cgroup';
  groups?: Cgroups;
  /** Limits that do not hold here, and why not. */
  unenforced: { fields: string[]; why: string } | undefined;
}

/** @throws SlotsError where the contract wants a control group above all, and there is none to be had */
export function enforcementOf(
  limits: Limits | undefined,
  open: (limits: GroupLimits) => Opened = openCgroups,
): Enforcement {
  if (limits === undefined) return { by: 'nothing', unenforced: undefined };
  const { memory_mb: memory, cpu_percent: cpu, tasks, cgroup } = limits;
  const isForGroups = (memory ?? cpu ?? tasks) !== undefined;
  if (!isForGroups && cgroup !== 'required') return { by: 'prlimit', unenforced: undefined };
  const { groups, why } = cgroup === 'off' ? { why: 'limits.cgroup is off' } : open(limits);
  if (groups) return { by: 'cgroup', groups, unenforced: undefined };
  if (cgroup === 'required')
    throw new SlotsError(
      `limits.cgroup is "required", but ${why}. Start the controller by a systemd unit with Delegate=yes, or set it to "auto".`,
    );
  const fields = GROUP_ONLY.filter((field) => limits[field] !== undefined);
  return { by: 'prlimit', unenforced: fields.length > 0 ? { fields, why } : undefined };
}

/** What does not hold, as a sentence; undefined where all does. */
export const shortfall = ({ unenforced }: Enforcement): string | undefined =>
  unenforced &&
  `limits.${unenforced.fields.join(' and limits.')} do not hold here: ${unenforced.why}. docs/slots.md says how they do.`;

/**
 * The command that starts `command` by a shell within its limits.
 * @param grouped whether its group limits it already; then it waits for a line on descriptor 3
 * @throws SlotsError where there are limits and no prlimit: unlimited is not what was asked for
 */
export function limited(command: string, limits: Limits | undefined, grouped = false): [string, string[]] {
  const shell = ['/bin/sh', '-c', command];
  const own = [...prlimit(limits, grouped), ...shell];
  const [program = '', ...args] = grouped ? ['/bin/sh', '-c', WAIT, 'wait', ...own] : own;
  return [program, args];
}

function prlimit(limits: Limits | undefined, grouped: boolean): string[] {
  if (limits === undefined) return [];
  const { memory_mb: memory, open_files: files, file_mb: file, cpu_seconds: seconds } = limits;
  // Of memory the data counts: runtimes reserve far more addresses than they use.
  const options = [
    memory !== undefined && !grouped && `--data=${memory * BYTES_PER_MB}`,
    files !== undefined && `--nofile=${files}`,
    file !== undefined && `--fsize=${file * BYTES_PER_MB}`,
    seconds !== undefined && `--cpu=${seconds}`,
  ].filter((option) => typeof option === 'string');
  if (options.length === 0) return [];
  const program = PRLIMIT.find((path) => existsSync(path));
  if (program === undefined)
    throw new SlotsError('The contract has limits, which need prlimit (util-linux); install it.');
  return [program, ...options, '--'];
}
