/**
 * Which process is at the other end of a loopback connection: the agent may use the network, but not
 * the controller's own ports. Linux alone tells; elsewhere nobody is recognised.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';

/** In the environment of the agent and of all it starts. */
export const AGENT_SESSION = 'REVEILLE_AGENT_SESSION';

/** By what the agent is known: its session while it runs, and its user where it has one of its own. */
export interface AgentTraits {
  leader: number | undefined;
  uid: number | undefined;
}

/** Whether the connection comes from the agent's user, its session, or from what carries its mark. */
export function isFromAgent(socket: Socket, { leader, uid }: AgentTraits): boolean {
  // Without a run there may still be what an earlier one left behind; that carries the mark.
  const { remotePort, localPort } = socket;
  if (process.platform !== 'linux' || remotePort === undefined || localPort === undefined) return false;
  const peer = peerOf(remotePort, localPort);
  if (peer === undefined) return false;
  // Nothing that it starts can change this.
  if (uid !== undefined && peer.uid === uid) return true;
  return agentPids(leader).some((pid) => holds(pid, `socket:[${peer.inode}]`));
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
  return allPids().filter(
    (pid) => sessionOf(pid) === leader || textOf(`/proc/${pid}/environ`).includes(`${AGENT_SESSION}=`),
  );
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Field 6 of its stat, after a name that may hold anything. */
function sessionOf(pid: number): number {
  const stat = textOf(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
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
