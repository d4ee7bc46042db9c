/** One start of the installation: the local platform and the orchestrator, as the registry is now. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { destination, pino } from 'pino';
import { compose, type Orchestrator } from '../../compose';
import { loadConfig } from '../../config';
import { formatProblems, type Problem } from '../../domain/schedule';
import type { LocalPlatform } from '../../platforms/local';
import { loadRegistry, type Registry, type RegistryInput } from '../../registry';
import { environment } from '../agent/dev/project';
import { located, orchestratorEnv, startPlatform } from '../local/installation';
import type { Remembered } from '../local/remembered';
import { registryEnv, type Source } from './source';

export const capsuleOf = (agentId: string): string => `dev-${agentId}`;

export interface Place {
  source: Source;
  dataDir: string;
  remembered: Remembered;
  databaseUrl: string;
}

export interface Installed {
  platform: LocalPlatform;
  orchestrator: Orchestrator;
  registry: Registry;
  close(): Promise<void>;
}

/** The registry as it is written now, checked. @throws Error that lists what is wrong with it */
export function readRegistry({ source, remembered }: Place): Registry {
  const ids = [...source.agents.keys()];
  const env = registryEnv(ids, remembered, capsuleOf);
  const input: Partial<RegistryInput> = source.read(env);
  // Whatever is no list is told by the check.
  const { agents = [] } = input;
  const here = Array.isArray(agents) ? located(agents, { agents: ids, remembered, capsuleOf }) : agents;
  const loaded = loadRegistry({ ...input, agents: here } as RegistryInput, env);
  if (!loaded.ok) throw wrong('the registry', loaded.problems);
  return loaded.registry;
}

/** Starts both. @throws when one cannot start; nothing is left behind then */
export async function start(place: Place, registry: Registry): Promise<Installed> {
  const { source, dataDir, remembered, databaseUrl } = place;
  const agents = registry.agents.map(({ id }) => id).filter((id) => source.agents.has(id));
  const folderOf = (id: string): string => source.agents.get(id) as string;
  const hosted = { dataDir, agents, remembered, folderOf, capsuleOf, envOf: () => ({}) };
  const platform = await startPlatform({
    ...hosted,
    // What is set in the shell goes before the agent's .env, as with "agent dev".
    envOf: (id) => environment(folderOf(id), shellOf(process.env), {}, {}),
  });
  try {
    const env = { ...orchestratorEnv(platform, hosted), DATABASE_URL: databaseUrl };
    const loaded = loadConfig(env);
    if (!loaded.ok) throw wrong('the configuration', loaded.problems);
    const log = pino({ level: loaded.config.logLevel }, destination({ dest: logFile(dataDir), sync: false }));
    const orchestrator = await compose(loaded.config, registry, log);
    const close = async (): Promise<void> => {
      await orchestrator.close();
      await platform.stop();
    };
    return { platform, orchestrator, registry, close };
  } catch (error) {
    await platform.stop();
    throw error;
  }
}

export function logFile(dataDir: string): string {
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  return join(dataDir, 'logs', 'orchestrator.log');
}

/** What belongs to the orchestrator is not the agents'. */
const shellOf = ({
  PORT: _port,
  DATABASE_URL: _db,
  REDIS_URL: _redis,
  API_KEYS: _keys,
  ...shell
}: NodeJS.ProcessEnv) => shell;

const wrong = (what: string, problems: readonly Problem[]): Error =>
  new Error(`${what} has mistakes:\n${formatProblems(problems)}`);
