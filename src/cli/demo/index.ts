/** `reveille demo`: the whole product on this machine, nothing else installed. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { destination, pino } from 'pino';
import { compose, type Orchestrator } from '../../compose';
import { loadConfig } from '../../config';
import { formatProblems, type Problem } from '../../domain/schedule';
import { isTerminal, type RunState } from '../../domain/run';
import { loadRegistry, type Registry } from '../../registry';
import { announce } from '../local/running';
import { DEFAULT_PORT } from '../local/remembered';
import { paintFor } from '../terminal';
import { install, WORKFLOW } from './installation';
import { printReport, summarise } from './report';
import { serveSite } from './site';
import { Timeline } from './timeline';

/** The run, and after it the way back to zero. */
const RUN_DEADLINE_MS = 10 * 60_000;
const SLEEP_DEADLINE_MS = 60_000;

export interface DemoOptions {
  once: boolean;
  json: boolean;
  site?: string;
  port?: number;
  dataDir: string;
}

/** Runs the demo. Answers the exit code: 0 if the run succeeded and every capsule is asleep again. */
export async function demo(options: DemoOptions): Promise<number> {
  const closers: Array<() => Promise<void>> = [];
  const interrupted = onInterrupt();
  try {
    return await play(options, closers, interrupted);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function play(
  options: DemoOptions,
  closers: Array<() => Promise<void>>,
  interrupted: Promise<void>,
): Promise<number> {
  const startedAt = Date.now();
  const print = (line = '') => console.log(line);
  const paint = paintFor(process.stdout, process.env);
  void interrupted.then(() => print(paint.dim('\nStopping what it started…')));
  const installation = await install(options.dataDir, options.port);
  closers.push(() => installation.platform.stop());
  const site = options.site === undefined ? await serveSite(installation.sitePort) : undefined;
  if (site) closers.push(() => site.close());
  const { orchestrator, registry } = await start(installation, options);
  closers.push(() => orchestrator.close());
  closers.push(announce(options.dataDir, installation.port));
  const took = ((Date.now() - startedAt) / 1_000).toFixed(1);
  const facts = [`after ${took} s`, `${registry.agents.length} agents at zero replicas`];
  if (options.port === undefined && installation.port !== DEFAULT_PORT)
    facts.push(`port ${DEFAULT_PORT} was taken`);
  print(`${paint.bold('Reveille')} is up at ${orchestrator.url} ${paint.dim(facts.join('; '))}`);

  const siteUrl = options.site ?? (site as { url: string }).url;
  print(`${paint.dim(`auditing ${siteUrl}`)}\n`);
  const timeline = new Timeline(print, paint);
  orchestrator.events.on('run', (run) => timeline.run(run));
  orchestrator.events.on('capsule', (capsule) => timeline.capsule(capsule));
  const triggered = await orchestrator.engine.trigger(WORKFLOW, { siteUrl }, { actor: 'demo' });
  if (triggered.kind !== 'created')
    throw new Error(`the demo workflow could not be started: ${triggered.kind}`);

  const run = await Promise.race([finished(orchestrator, triggered.runId), interrupted]);
  if (!run) return 130;
  const asleep = await allAsleep(orchestrator);
  const summary = await summarise(orchestrator, run, Date.now() - startedAt);
  await printReport({ orchestrator, registry, run, print, paint });
  if (options.json) print(JSON.stringify(summary));
  if (options.once) return run.status === 'succeeded' && asleep ? 0 : 1;
  print(paint.dim('\nIt goes on running; Ctrl-C stops it.'));
  await interrupted;
  return 0;
}

async function start(
  installation: Awaited<ReturnType<typeof install>>,
  { dataDir }: DemoOptions,
): Promise<{ orchestrator: Orchestrator; registry: Registry }> {
  const loaded = loadConfig(installation.env);
  const declared = loadRegistry(installation.registry, installation.env);
  if (!loaded.ok) throw refuse(loaded.problems);
  if (!declared.ok) throw refuse(declared.problems);
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  const log = pino(
    { level: loaded.config.logLevel },
    destination({ dest: join(dataDir, 'logs', 'orchestrator.log'), sync: false }),
  );
  const orchestrator = await compose(loaded.config, declared.registry, log);
  return { orchestrator, registry: declared.registry };
}

const refuse = (problems: readonly Problem[]): Error =>
  new Error(`the demo cannot start:\n${formatProblems(problems)}`);

/** Resolves with the run once it is over. */
async function finished(orchestrator: Orchestrator, runId: string): Promise<RunState> {
  const deadline = Date.now() + RUN_DEADLINE_MS;
  while (Date.now() < deadline) {
    const run = await orchestrator.store.run(runId);
    if (run && isTerminal(run.state.status)) return run.state;
    await sleep(50);
  }
  throw new Error(`the run was not over within ${RUN_DEADLINE_MS / 60_000} minutes`);
}

/** Waits until zero replicas of every capsule were observed. */
async function allAsleep(orchestrator: Orchestrator): Promise<boolean> {
  const deadline = Date.now() + SLEEP_DEADLINE_MS;
  while (Date.now() < deadline) {
    const capsules = await orchestrator.store.capsules();
    if (capsules.every((c) => c.state.status === 'asleep')) return true;
    await sleep(50);
  }
  return false;
}

function onInterrupt(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
