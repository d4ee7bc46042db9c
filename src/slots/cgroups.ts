/**
 * Control groups (cgroup v2): limits for all that a command started together, and an end that nothing of it
 * escapes. Used where this process has a group of its own to divide, which systemd gives by `Delegate=yes`; elsewhere
 * the limits of single processes are all there is, and {@link openCgroups} says why.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppContract } from './config';
import { codeOf, messageOf } from './errors';

const BYTES_PER_MB = 1_000_000;
/** Of `cpu.max`, in microseconds: the kernel's own default. */
const CPU_PERIOD_US = 100_000;
/** Where this process goes, so that its group can be divided: only leaves may hold processes. */
const OWN = 'controller';
/** Ours, among what others may have made there. */
const PREFIX = 'app-';
/** What a killed group may take to be empty. */
const EMPTY_MS = 5_000;
const POLL_MIN_MS = 1;
const POLL_MAX_MS = 50;

export type GroupLimits = Pick<NonNullable<AppContract['limits']>, 'memory_mb' | 'cpu_percent' | 'tasks'>;

/** Files of a group that hold a limit, and what has to be there for them. */
const LIMITS = {
  memory_mb: {
    controller: 'memory',
    files: (mb: number) => ({ 'memory.max': String(mb * BYTES_PER_MB), 'memory.oom.group': '1' }),
  },
  cpu_percent: {
    controller: 'cpu',
    files: (percent: number) => ({ 'cpu.max': `${(percent * CPU_PERIOD_US) / 100} ${CPU_PERIOD_US}` }),
  },
  tasks: { controller: 'pids', files: (tasks: number) => ({ 'pids.max': String(tasks) }) },
} as const;

/** Where the kernel tells of this process's groups, and how one is removed; another tree in tests. */
export interface Kernel {
  /** As `/proc/self/mountinfo`. */
  mounts: string;
  /** As `/proc/self/cgroup`. */
  membership: string;
  /** A group's files are the kernel's own: an empty group is removed with them. */
  remove: (folder: string) => void;
}

const LINUX: Kernel = {
  mounts: '/proc/self/mountinfo',
  membership: '/proc/self/cgroup',
  remove: (folder) => rmdirSync(folder),
};

/** Groups, or in words why there are none. */
export type Opened = { groups: Cgroups; why?: undefined } | { groups?: undefined; why: string };

/** Divides this process's own group. What cannot be done is undone again. */
export function openCgroups(limits: GroupLimits, kernel: Kernel = LINUX): Opened {
  const own = ownGroup(kernel);
  if (own === undefined) return { why: 'this machine has no cgroup v2' };
  const base = basename(own) === OWN ? dirname(own) : own;
  try {
    const wanted = controllersOf(limits);
    const offered = words(join(base, 'cgroup.controllers'));
    const missing = wanted.filter((one) => !offered.includes(one));
    if (missing.length > 0) return { why: `${base} offers no ${missing.join(', ')}` };
    const fresh = wanted.filter((one) => !words(join(base, 'cgroup.subtree_control')).includes(one));
    if (fresh.length > 0) divide(base, own, fresh, kernel);
    const groups = new Cgroups(base, limits, kernel);
    groups.make('probe').removeNow();
    return { groups };
  } catch (error) {
    return { why: `${base} is not ours to divide (${codeOf(error) ?? messageOf(error)})` };
  }
}

export class Cgroups {
  constructor(
    /** The group that all of ours are in. */
    readonly base: string,
    private readonly limits: GroupLimits,
    private readonly kernel: Kernel,
  ) {}

  /** A group with its limits, and nobody in it yet. */
  make(name: string): Cgroup {
    const folder = join(this.base, `${PREFIX}${name}-${randomBytes(4).toString('hex')}`);
    mkdirSync(folder);
    const group = new Cgroup(folder, this.kernel);
    try {
      for (const [file, value] of filesOf(this.limits)) writeFileSync(join(folder, file), value);
    } catch (error) {
      group.removeNow();
      throw error;
    }
    return group;
  }

  /** Ends what an earlier controller left in groups of ours. */
  async clear(): Promise<void> {
    const left = readdirSync(this.base).filter((name) => name.startsWith(PREFIX));
    await Promise.all(left.map((name) => new Cgroup(join(this.base, name), this.kernel).end()));
  }
}

export class Cgroup {
  private ending: Promise<void> | undefined;

  constructor(
    readonly folder: string,
    private readonly kernel: Kernel,
  ) {}

  /** Puts a process in; what it starts from then on is in it too. */
  enter(pid: number): void {
    writeFileSync(join(this.folder, 'cgroup.procs'), String(pid));
  }

  /** Whether something in it was killed for its memory. */
  get ranOutOfMemory(): boolean {
    try {
      const events = readFileSync(join(this.folder, 'memory.events'), 'utf8');
      return /^oom_kill [1-9]/m.test(events);
    } catch {
      return false; // Without a limit of memory nothing counts them.
    }
  }

  /** Kills what is in it, and removes it once it is empty. @throws Error when it does not get empty */
  end(): Promise<void> {
    this.ending ??= this.killAndRemove();
    return this.ending;
  }

  removeNow(): void {
    this.kernel.remove(this.folder);
  }

  private async killAndRemove(): Promise<void> {
    this.kill();
    const deadline = performance.now() + EMPTY_MS;
    for (let pause = POLL_MIN_MS; ; pause = Math.min(POLL_MAX_MS, 2 * pause)) {
      try {
        return this.removeNow();
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return;
        if (codeOf(error) !== 'EBUSY' || performance.now() >= deadline) throw error;
      }
      await delay(pause);
    }
  }

  private kill(): void {
    try {
      writeFileSync(join(this.folder, 'cgroup.kill'), '1', { flag: 'r+' });
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      // Before Linux 5.14; or it is gone already.
      for (const pid of words(join(this.folder, 'cgroup.procs'))) killOne(Number(pid));
    }
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Lets what is below a group have controllers; this process leaves it for that. */
function divide(base: string, own: string, controllers: readonly string[], kernel: Kernel): void {
  const leaf = join(base, OWN);
  const moves = own === base;
  if (moves) {
    mkdirSync(leaf, { recursive: true });
    writeFileSync(join(leaf, 'cgroup.procs'), String(process.pid));
  }
  try {
    writeFileSync(join(base, 'cgroup.subtree_control'), controllers.map((one) => `+${one}`).join(' '));
  } catch (error) {
    if (moves) {
      writeFileSync(join(base, 'cgroup.procs'), String(process.pid));
      kernel.remove(leaf);
    }
    throw error;
  }
}

/** The folder of this process's group; undefined where there is no cgroup v2, or it is out of sight. */
function ownGroup({ mounts, membership }: Kernel): string | undefined {
  const path = /^0::(\/.*)$/m.exec(textOf(membership))?.[1];
  // "<id> <parent> <device> <root> <mount point> <options> - cgroup2 …"
  const mount = /^\S+ \S+ \S+ (\S+) (\S+) .* - cgroup2 /m.exec(textOf(mounts));
  if (path === undefined || mount === null) return undefined;
  const [, root = '/', at = ''] = mount;
  const below = posix.relative(root, path);
  return below.startsWith('..') ? undefined : join(at, below);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // No Linux.
  }
}

const words = (file: string): string[] => textOf(file).split(/\s+/).filter(Boolean);

type LimitName = keyof typeof LIMITS;
const given = (limits: GroupLimits): [LimitName, number][] =>
  (Object.keys(LIMITS) as LimitName[]).flatMap((name) => {
    const value = limits[name];
    return value === undefined ? [] : [[name, value]];
  });

const controllersOf = (limits: GroupLimits): string[] =>
  given(limits).map(([name]) => LIMITS[name].controller);
const filesOf = (limits: GroupLimits): [string, string][] =>
  given(limits).flatMap(([name, value]) => Object.entries(LIMITS[name].files(value)));
