/** What a local installation keeps from one start to the next, so that runs and capsules of the last are found again. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { freePort, isFree } from '../../os/free-port';

/** Where the orchestrator listens if nobody says otherwise. */
export const DEFAULT_PORT = 3_000;

export interface Remembered {
  /** The orchestrator's. */
  port: number;
  /** Of the agents by their id, and of whatever else listens by a name. */
  ports: Record<string, number>;
  /** Of the agents by their id. */
  secrets: Record<string, string>;
}

interface Wanted {
  /** The orchestrator's port; else the one of last time, or 3000, or a free one. */
  port: number | undefined;
  agents: readonly string[];
  /** Names of others that listen. */
  others?: readonly string[];
}

/** Reads the file, adds what is new, and writes it back for the next start. */
export async function remember(file: string, { port, agents, others = [] }: Wanted): Promise<Remembered> {
  const known = read(file);
  const remembered: Remembered = {
    port: port ?? (await portFor(known?.port ?? DEFAULT_PORT)),
    ports: {},
    secrets: {},
  };
  for (const name of [...agents, ...others]) remembered.ports[name] = await portFor(known?.ports?.[name]);
  for (const id of agents)
    remembered.secrets[id] = known?.secrets?.[id] ?? randomBytes(32).toString('base64');
  mkdirSync(resolve(file, '..'), { recursive: true });
  writeFileSync(file, JSON.stringify(remembered, null, 2), { mode: 0o600 });
  return remembered;
}

function read(file: string): Partial<Remembered> | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<Remembered>;
  } catch {
    // The first start, or a file cut short by a crash: ports and secrets are made anew.
    return undefined;
  }
}

/** A port nobody listens on: the wished one if it is free. */
const portFor = async (wished?: number): Promise<number> =>
  wished !== undefined && (await isFree(wished)) ? wished : freePort();
