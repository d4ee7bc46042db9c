/**
 * What keeps an agent under validation to itself: a network of its own where every address is this side of it, and limits of
 * memory, processor time and open files. By Linux's own tools; where they are missing or not permitted, that is told.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export interface Confinement {
  /** A command that runs the other one in a network of its own; the same where that cannot be. */
  inNetwork: (command: readonly string[]) => readonly string[];
  /** The other one, within its limits; the same where that cannot be. */
  limited: (command: readonly string[], limits: SandboxLimits) => readonly string[];
  /** Whether it has a network of its own: what it finds outside is what answers there. */
  isCut: boolean;
  /** What is not confined, and how that is mended. Empty: all is. */
  gaps: string[];
}

export interface SandboxLimits {
  memoryMb: number;
  cpuSeconds: number;
  openFiles: number;
}

export const DEFAULT_LIMITS: SandboxLimits = { memoryMb: 1_024, cpuSeconds: 120, openFiles: 1_024 };

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
const PROBE_MS = 5_000;
const BYTES_PER_MB = 1_000_000;

const find = (tool: string): string | undefined =>
  FOLDERS.map((folder) => join(folder, tool)).find((file) => existsSync(file));

/** @param cutNetwork false: the agent is to reach what it needs outside, e.g. a model */
export function confinement(cutNetwork: boolean): Confinement {
  const gaps: string[] = [];
  const prlimit = find('prlimit');
  if (prlimit === undefined)
    gaps.push('its memory and processor time are not limited: install prlimit (util-linux), on Linux');
  const network = cutNetwork ? ownNetwork(gaps) : undefined;
  return {
    gaps,
    isCut: network !== undefined,
    inNetwork: (command) => (network ? [...network, ...command] : command),
    limited: (command, limits) => (prlimit ? [prlimit, ...optionsOf(limits), '--', ...command] : command),
  };
}

/** Of memory the data counts: runtimes reserve far more addresses than they use. */
const optionsOf = ({ memoryMb, cpuSeconds, openFiles }: SandboxLimits): string[] => [
  `--data=${memoryMb * BYTES_PER_MB}`,
  `--cpu=${cpuSeconds}`,
  `--nofile=${openFiles}`,
];

/** The loopback of a new network is down; whoever makes it may bring it up, and have it take whatever goes outside. */
function ownNetwork(gaps: string[]): readonly string[] | undefined {
  const [unshare, ip] = [find('unshare'), find('ip')];
  const told = 'its network is not cut off';
  if (unshare === undefined || ip === undefined) {
    gaps.push(`${told}: install unshare (util-linux) and ip (iproute2), on Linux`);
    return undefined;
  }
  // Where that cannot be, nothing outside is reached at all, not even the recorder.
  const all = `{ ${ip} -4 route add local 0.0.0.0/0 dev lo || true; }`;
  const up = `${ip} link set lo up && ${all} && exec "$0" "$@"`;
  const command = [unshare, '--user', '--map-root-user', '--net', '--', '/bin/sh', '-c', up];
  try {
    const [file = '', ...args] = command;
    execFileSync(file, [...args, 'true'], { stdio: 'ignore', timeout: PROBE_MS });
    return command;
  } catch {
    gaps.push(
      `${told}: this machine permits no network namespaces to this user; permit them (sysctl kernel.apparmor_restrict_unprivileged_userns=0 or kernel.unprivileged_userns_clone=1; in a container --security-opt seccomp=unconfined), or validate where they are`,
    );
    return undefined;
  }
}
