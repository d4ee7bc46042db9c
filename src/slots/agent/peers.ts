/**
 * Which process is at the other end of a loopback connection: the agent may use the network, but not
 * the controller's own ports. Linux alone tells; elsewhere nobody is recognised.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';

/** In the environment of the agent and of all it starts. */
export const AGENT_SESSION = 'REVEILLE_AGENT_SESSION';

/** Whether the connection comes from the agent's session, or from what carries its mark. */
export function isFromAgent(socket: Socket, leader: number | undefined): boolean {
  // Without a run there may still be what an earlier one left behind; that carries the mark.
  const { remotePort, localPort } = socket;
  if (process.platform !== 'linux' || remotePort === undefined || localPort === undefined) return false;
  const inode = inodeOf(remotePort, localPort);
  if (inode === undefined) return false;
  return agentPids(leader).some((pid) => holds(pid, `socket:[${inode}]`));
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');

/** The inode of the socket that is bound to `local` and connected to `remote`. */
function inodeOf(local: number, remote: number): string | undefined {
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of textOf(table).split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hexPort(local)}`) && fields[2]?.endsWith(`:${hexPort(remote)}`))
        return fields[9];
    }
  }
  return undefined;
}

function agentPids(leader: number | undefined): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(
      (pid) => sessionOf(pid) === leader || textOf(`/proc/${pid}/environ`).includes(`${AGENT_SESSION}=`),
    );
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
