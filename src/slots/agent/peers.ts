/**
 * Which process is at the other end of a loopback connection: the agent may use the network, but not
 * the controller's own ports. Linux alone tells; elsewhere nobody is recognised.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { uptime } from 'node:os';

/** In the environment of the agent and of all it starts. */
export const AGENT_SESSION = 'REVEILLE_AGENT_SESSION';

/** By what the agent is known: its session while it runs, and its user where it has one of its own. */
export interface AgentTraits {
  leader: number | undefined;
  uid: number | undefined;
}

/** Clock ticks a second in /proc/<pid>/stat: USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100;
/** A process that is being started has the environment of who starts it, for some milliseconds. */
const SETTLED_S = 10;

/** Processes that were seen without the mark, by pid, with their start: nothing gives it to them later. */
let unmarked = new Map<number, string>();

/** Whether the connection comes from the agent's user, its session, or from what carries its mark. */
export function isFromAgent(socket: Socket, { leader, uid }: AgentTraits): boolean {
  const { remotePort, localPort } = socket;
  if (process.platform !== 'linux' || remotePort === undefined || localPort === undefined) return false;
  // Without a run there may still be what an earlier one left behind; that carries the mark.
  const suspects = agentPids(leader);
  // The kernel walks all connections of the machine to tell of one, which is asked only where it can matter.
  if (suspects.length === 0 && uid === undefined) return false;
  const peer = peerOf(remotePort, localPort);
  if (peer === undefined) return false;
  // Nothing that it starts can change this.
  if (uid !== undefined && peer.uid === uid) return true;
  return suspects.some((pid) => holds(pid, `socket:[${peer.inode}]`));
}

/** Every living process of a user. */
export function processesOf(uid: number): number[] {
  return allPids().filter((pid) => {
    const status = textOf(`/proc/${pid}/status`);
    return Number(/^Uid:\t(\d+)/m.exec(status)?.[1]) === uid && !/^State:\t[ZX]/m.test(status);
  });
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');

/** The socket that is bound to `local` and connected to `remote`, and whose it is. */
function peerOf(local: number, remote: number): { inode: string; uid: number } | undefined {
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of textOf(table).split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hexPort(local)}`) && fields[2]?.endsWith(`:${hexPort(remote)}`))
        return { inode: fields[9] ?? '', uid: Number(fields[7]) };
    }
  }
  return undefined;
}

function agentPids(leader: number | undefined): number[] {
  const seen = new Map<number, string>();
  const now = uptime();
  const suspects = allPids().filter((pid) => {
    const { session, started } = statOf(pid);
    if (session === leader) return true;
    if (unmarked.get(pid) !== started && textOf(`/proc/${pid}/environ`).includes(`${AGENT_SESSION}=`))
      return true;
    if (now - Number(started) / TICKS_PER_SECOND > SETTLED_S) seen.set(pid, started);
    return false;
  });
  unmarked = seen;
  return suspects;
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Fields 6 and 22 of its stat, after a name that may hold anything. */
function statOf(pid: number): { session: number; started: string } {
  const stat = textOf(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { session: Number(fields[3]), started: fields[19] ?? '' };
}

function holds(pid: number, target: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`) === target;
      } catch {
        return false; // Closed since it was listed.
      }
    });
  } catch {
    return false; // Gone, or another user's.
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // Gone, or another user's.
  }
}
