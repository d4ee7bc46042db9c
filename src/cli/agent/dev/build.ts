/** One build of an agent's folder, as a process group that can be ended in the middle. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startGroup, type Group } from './groups';

/** A build that is of no use any more gets this long to go. */
export const BUILD_STOP_MS = 1_000;
/** For what a build printed last to arrive. */
const DRAIN_MS = 500;
/** Of a build that failed; the first errors say most. */
const MAX_BUILD_LINES = 200;

export interface Built {
  ok: boolean;
  /** Ended by a signal: given up, not failed. */
  isStopped: boolean;
  /** What it printed, blank lines left out. */
  said: string[];
  seconds: string;
}

/** @param onStart gets the group, to end it */
export async function build(
  command: string,
  folder: string,
  env: NodeJS.ProcessEnv,
  onStart: (group: Group) => void,
): Promise<Built> {
  const startedAt = performance.now();
  const said: string[] = [];
  const group = startGroup(command, folder, env, (line) => {
    if (line.trim() !== '' && said.length < MAX_BUILD_LINES) said.push(line);
  });
  onStart(group);
  const { code, signal } = await group.exited;
  await Promise.race([group.drained, sleep(DRAIN_MS, undefined, { ref: false })]);
  await group.end(BUILD_STOP_MS);
  return { ok: code === 0, isStopped: signal !== null, said, seconds: secondsSince(startedAt) };
}

/** @param startedAt `performance.now()` */
export const secondsSince = (startedAt: number): string =>
  `${((performance.now() - startedAt) / 1_000).toFixed(2)} s`;
