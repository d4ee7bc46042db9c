/**
 * `reveille dev`: the installation on this machine while its workflows and agents are being written. The registry and
 * the agents come from their folders; a change of the one restarts the orchestrator, a change of the other builds the
 * agent, whose next shift runs the new version.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startEmbeddedPostgres } from '../../store/embedded';
import { watchChanges } from '../agent/dev/changes';
import { endAtOnceOnSecond } from '../agent/dev/groups';
import { EXIT } from '../exit';
import { remember } from '../local/remembered';
import { announce } from '../local/running';
import { print } from '../output';
import { aborted, interrupted } from '../signals';
import { paintFor } from '../terminal';
import { DevAgents } from './agents';
import { logFile } from './installed';
import { DevOrchestrator } from './orchestrator';
import { sourceOf } from './source';

export interface DevOptions {
  port?: number;
  agents?: string;
  registry?: string;
  dataDir: string;
}

/** Runs until it is interrupted. Answers the exit code. */
export async function dev(options: DevOptions): Promise<number> {
  const interrupt = interrupted();
  endAtOnceOnSecond(interrupt);
  const closers: Array<() => Promise<void>> = [];
  try {
    await begin(options, closers, interrupt);
    await aborted(interrupt);
    print(paintFor(process.stdout, process.env).dim('stopping…'));
  } finally {
    for (const close of closers.reverse()) await close();
  }
  return EXIT.ok;
}

/** @param closers gets what undoes each thing as soon as it is there */
async function begin(
  options: DevOptions,
  closers: Array<() => Promise<void>>,
  interrupt: AbortSignal,
): Promise<void> {
  const paint = paintFor(process.stdout, process.env);
  const say = (text: string): void => print(`${paint.dim('dev  ')} ${text}`);
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true });
  const source = sourceOf(options);
  const agents = [...source.agents.keys()];
  const remembered = await remember(join(dataDir, 'dev.json'), { port: options.port, agents });
  const databaseUrl = await database(dataDir, say, closers);
  const parts = { place: { source, dataDir, remembered, databaseUrl }, say, print, paint };
  const orchestrator = new DevOrchestrator(parts);
  closers.push(() => orchestrator.close());
  closers.push(announce(dataDir, remembered.port));
  await orchestrator.reload();
  if (interrupt.aborted) return;
  const builds = new DevAgents({ ...parts, installed: () => orchestrator.installed });
  closers.push(() => builds.close());
  await builds.watch();
  const watcher = await watchChanges({
    folder: source.watched,
    startedAt: () => undefined,
    onChange: (path) => void orchestrator.reload(path === '' ? 'the registry' : path),
    onOwnFile: () => undefined,
  });
  closers.push(() => watcher.close());
  say(paint.dim(`logs of the orchestrator: ${logFile(dataDir)}`));
  say(
    paint.dim(`logs of the agents: ${join(dataDir, 'platform', 'logs')}; a change reloads; Ctrl-C stops all`),
  );
}

/** One for all reloads, unless the person brought one. */
async function database(
  dataDir: string,
  say: (text: string) => void,
  closers: Array<() => Promise<void>>,
): Promise<string> {
  const { DATABASE_URL } = process.env;
  if (DATABASE_URL) return DATABASE_URL;
  const embedded = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), log: say });
  closers.push(() => embedded.stop());
  return embedded.url;
}
