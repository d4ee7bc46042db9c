/** Which orchestrator runs here: `demo` and `dev` tell the commands that are called in the same folder. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { startTimeOf } from '../../os/process-groups';

/** Where they keep their state unless they are told otherwise; the first that runs is the one meant. */
export const DEMO_DATA = '.reveille';
export const DEV_DATA = '.reveille/dev';

const FILE = 'running.json';

const Running = z.object({
  port: z.int().min(1).max(65_535),
  pid: z.int().positive(),
  /** Tells the process from a later one with its pid, after a kill -9 that left the file. */
  startTime: z.string(),
});

/** @returns what takes it back */
export function announce(dataDir: string, port: number): () => Promise<void> {
  const file = join(dataDir, FILE);
  const { pid } = process;
  writeFileSync(file, JSON.stringify({ port, pid, startTime: startTimeOf(pid) }));
  return async () => rmSync(file, { force: true });
}

/** The address of what runs with its state in a folder. Always this machine's: no file sends a key elsewhere. */
export function runningIn(folder: string): string | undefined {
  const [port] = [DEMO_DATA, DEV_DATA].flatMap((dataDir) => portOf(join(folder, dataDir, FILE)) ?? []);
  return port === undefined ? undefined : `http://localhost:${port}`;
}

function portOf(file: string): number | undefined {
  let running: z.infer<typeof Running>;
  try {
    running = Running.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined; // Nothing ran here, or it was killed while it wrote this.
  }
  return startTimeOf(running.pid) === running.startTime ? running.port : undefined;
}
