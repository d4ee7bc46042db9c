/** A whole installation for a test file: a database, agents at zero on a local platform, orchestrators. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setMaxListeners } from 'node:events';
import { pino } from 'pino';
import { compose, type Orchestrator } from '../../../src/compose';
import { loadConfig } from '../../../src/config';
import type { Limits } from '../../../src/domain/limits';
import { createCodeCapsulesPlatform } from '../../../src/platforms/code-capsules';
import { createLocalPlatform, type LocalPlatform } from '../../../src/platforms/local';
import type { Platform } from '../../../src/platforms/platform';
import type { RegistryInput } from '../../../src/registry';
import { temporaryFolder } from '../../support/folders';
import { installedDatabase } from '../../support/installed-database';
import { freePort } from '../../support/ports';
import { until } from '../../support/until';
import type { Processes, TestProcess } from '../../support/processes';
import type { WorldText } from './orchestrator';
import { SHORT } from './limits';
import { checked } from './registry';
import { missingIn } from '../../support/ledger-befores';

/** One line of what the agents wrote down. */
export interface Work {
  event: 'booted' | 'asked' | 'job' | 'done' | 'delivered' | 'cancelled' | 'claimed';
  agentId: string;
  runId?: string;
  stepId?: string;
  attempt?: number;
  bootId: string;
  at: number;
  status?: number;
  input?: Record<string, unknown>;
  /** The job was to propose, not to act. */
  dryRun?: true;
  traceparent?: string;
}

type AgentSpec = Partial<RegistryInput['agents'][number]> & {
  id: string;
  env?: Record<string, string>;
  coldStartMs?: number;
  /** Its repository, instead of the agent that is here. */
  folder?: string;
};

export interface WorldOptions {
  agents: AgentSpec[];
  workflows: RegistryInput['workflows'];
  /** Instead of a database of its own on the run's Postgres. */
  databaseUrl?: string;
}

export interface OrchestratorOptions {
  env?: Record<string, string>;
  limits?: Partial<Limits>;
}

export class World {
  private readonly orchestrators = new Set<Orchestrator>();

  private constructor(
    readonly databaseUrl: string,
    readonly platform: LocalPlatform,
    readonly driver: Platform,
    readonly registry: RegistryInput,
    readonly workLog: string,
    private readonly undo: Array<() => Promise<unknown>>,
  ) {}

  static async start({ agents, workflows, databaseUrl }: WorldOptions): Promise<World> {
    const folder = await temporaryFolder();
    const workLog = join(folder.path, 'work.log');
    const undo: Array<() => Promise<unknown>> = [folder.remove];
    const platform = createLocalPlatform({
      stateDir: join(folder.path, 'platform'),
      graceMs: 1_000,
      restartBackoffMs: 20,
      capsules: await Promise.all(agents.map((agent) => capsule(agent, workLog))),
    });
    await platform.start();
    undo.push(() => platform.stop());
    const driver = createCodeCapsulesPlatform({
      dialect: 'capsule',
      apiUrl: platform.url,
      credentials: { token: platform.token },
    });
    undo.push(() => driver.close());
    const registry = { agents: agents.map((agent) => declared(agent, platform)), workflows };
    if (databaseUrl !== undefined) return new World(databaseUrl, platform, driver, registry, workLog, undo);
    const database = await installedDatabase();
    undo.push(database.drop);
    return new World(database.url, platform, driver, registry, workLog, undo);
  }

  /** What an orchestrator of this installation has in its environment. */
  env(more: Record<string, string> = {}): Record<string, string> {
    const { databaseUrl, platform } = this;
    return {
      NODE_ENV: 'test',
      LOG_LEVEL: process.env.E2E_LOG ?? 'silent',
      PORT: '0',
      SHUTDOWN_TIMEOUT_SECONDS: '5',
      DATABASE_URL: databaseUrl,
      CC_API_URL: platform.url,
      CC_CLUSTER_URL: platform.url,
      CC_API_TOKEN: platform.token,
      ...more,
    };
  }

  /** An orchestrator in this process; `close()` ends it if the test does not. */
  async orchestrate({ env, limits }: OrchestratorOptions = {}): Promise<Orchestrator> {
    const loaded = loadConfig(this.env(env));
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const log = pino({ level: loaded.config.logLevel }, pino.destination({ sync: true }));
    const all = { ...SHORT, ...limits };
    const orchestrator = await compose(loaded.config, checked(this.registry), log, { limits: all });
    setMaxListeners(0, orchestrator.events);
    this.orchestrators.add(orchestrator);
    return orchestrator;
  }

  /** The same as a process, which `useProcesses()` of the test file ends. Answers once it is up. */
  async spawn(
    { startScript }: Processes,
    { env, limits }: OrchestratorOptions = {},
  ): Promise<{ process: TestProcess; url: string }> {
    const world: WorldText = { registry: this.registry, limits: { ...SHORT, ...limits } };
    const child = await startScript(join(__dirname, 'orchestrator.ts'), [], {
      env: { ...this.env(env), WORLD: JSON.stringify(world) },
    });
    const [, url = ''] = await child.waitFor(/^up (\S+)$/m);
    return { process: child, url };
  }

  async stop(orchestrator: Orchestrator): Promise<void> {
    this.orchestrators.delete(orchestrator);
    await orchestrator.close();
  }

  /** What the agents wrote down so far; of one run if given. */
  work(runId?: string): Work[] {
    if (!existsSync(this.workLog)) return [];
    const lines = readFileSync(this.workLog, 'utf8').trim().split('\n');
    const all = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Work);
    return runId === undefined ? all : all.filter((w) => w.runId === runId);
  }

  /** Waits for a line of the agents' log. */
  worked(wanted: Partial<Work>, deadlineMs?: number): Promise<Work> {
    const matches = (w: Work) => Object.entries(wanted).every(([k, v]) => w[k as keyof Work] === v);
    return until(() => this.work().find(matches), {
      what: `an agent's ${JSON.stringify(wanted)}`,
      ...(deadlineMs !== undefined && { deadlineMs }),
    });
  }

  /** Lets a job go on that its agent holds. */
  async release(agentId: string, runId: string, stepId: string): Promise<void> {
    const url = `${this.platform.baseUrl(capsuleIdOf(agentId))}/release`;
    const body = JSON.stringify({ runId, stepId });
    const response = await fetch(url, { method: 'POST', body, headers: { connection: 'close' } });
    if (!response.ok) throw new Error(`nothing to release: ${runId} ${stepId}`);
  }

  /** Replicas of every capsule, as the platform tells them. */
  async replicas(): Promise<Record<string, number | 'unknown'>> {
    const seen = await Promise.all(
      this.registry.agents.map(async ({ id, capsuleId }) => {
        const { running, desired } = await this.driver.observe(capsuleId);
        return [id, running === 0 ? desired : running] as const;
      }),
    );
    return Object.fromEntries(seen);
  }

  private async missingBefores(): Promise<string[]> {
    const [first] = this.orchestrators;
    if (!first) return [];
    // Tests that take the store away end without it.
    const isThere = await first.store.ping().then(
      () => true,
      () => false,
    );
    return isThere ? missingIn(await first.store.ledger(0, MAX_LOOKED_AT)).slice(0, 10) : [];
  }

  /** @throws when a change of anything is in the ledger without what was before */
  async close(): Promise<void> {
    const missing = await this.missingBefores();
    for (const orchestrator of [...this.orchestrators]) await this.stop(orchestrator);
    for (const step of this.undo.splice(0).reverse()) await step();
    if (missing.length > 0) throw new Error(`the ledger leaves out:\n${missing.join('\n')}`);
  }
}

/** Entries that are looked at when a world ends. */
const MAX_LOOKED_AT = 20_000;

async function capsule({ id, env, coldStartMs, folder }: AgentSpec, workLog: string) {
  return {
    id: capsuleIdOf(id),
    folder: folder ?? join(__dirname, 'agent'),
    port: await freePort(),
    env: { AGENT_ID: id, WORK_LOG: workLog, ...env },
    ...(coldStartMs !== undefined && { coldStartMs }),
  };
}

function declared(spec: AgentSpec, platform: LocalPlatform) {
  const { env: _env, coldStartMs: _cold, folder: _folder, ...agent } = spec;
  const capsuleId = capsuleIdOf(agent.id);
  const baseUrl = platform.baseUrl(capsuleId);
  return { name: agent.id, capsuleId, baseUrl, lingerSeconds: 0, wakeTimeoutSeconds: 10, ...agent };
}

export const capsuleIdOf = (agentId: string): string => `capsule-${agentId}`;
