/** The apps of this machine: one small file for each controller, in a folder that all of them know. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { startTimeOf } from '../os/process-groups';

const MAX_APPS = 200;

const Entry = z.object({
  app: z.string(),
  repo: z.string(),
  data: z.string(),
  port: z.number(),
  api_port: z.number(),
  pid: z.number().int().positive(),
  /** Tells the controller from a later process with its pid. */
  started: z.string(),
});
export type AppEntry = z.infer<typeof Entry>;

/** REVEILLE_SLOTS_REGISTRY, else this user's folder for what programs remember. */
export function registryFolder(env: NodeJS.ProcessEnv = process.env): string {
  const state = env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return env['REVEILLE_SLOTS_REGISTRY'] ?? join(state, 'reveille-slots');
}

/** Writes an app down, or writes it anew: one for each data directory. It stays when its controller ends. */
export function register(entry: Omit<AppEntry, 'pid' | 'started'>, folder = registryFolder()): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = createHash('sha256').update(entry.data).digest('hex').slice(0, 16);
  const file = join(folder, `${name}.json`);
  const own = { pid: process.pid, started: startTimeOf(process.pid) ?? 'gone' };
  writeFileSync(`${file}.${process.pid}`, JSON.stringify({ ...entry, ...own }), { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

export interface KnownApp extends AppEntry {
  /** Whether its controller runs now. */
  running: boolean;
}

/** By name. An app whose data directory is gone is forgotten. */
export function knownApps(folder = registryFolder()): KnownApp[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => /^[0-9a-f]{16}\.json$/.test(name));
  const apps = files.slice(0, MAX_APPS).flatMap((name) => {
    const file = join(folder, name);
    const { data } = Entry.safeParse(parsed(file));
    if (data === undefined) return [];
    if (existsSync(data.data)) return [{ ...data, running: startTimeOf(data.pid) === data.started }];
    rmSync(file, { force: true });
    return [];
  });
  return apps.sort((a, b) => a.app.localeCompare(b.app) || a.port - b.port);
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // Gone since it was listed, or no entry of ours.
  }
}
