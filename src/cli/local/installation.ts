/** An installation on this machine: agents of a folder at zero replicas on a local platform, and who is who. */
import { join } from 'node:path';
import { createLocalPlatform, type LocalPlatform } from '../../platforms/local';
import { agentVariables, type RegistryInput } from '../../registry';
import type { Remembered } from './remembered';

/** The repository's root, from `dist/cli/local`. */
export const ROOT = join(__dirname, '..', '..', '..');

export interface Hosted {
  /** Where the orchestrator and the platform keep what is theirs. */
  dataDir: string;
  /** Ids of the agents that are capsules here. */
  agents: readonly string[];
  remembered: Remembered;
  folderOf: (id: string) => string;
  capsuleOf: (id: string) => string;
  /** What an agent is started with, beside what every one needs. */
  envOf: (id: string) => Record<string, string>;
}

/** Starts the platform with every agent as a capsule at zero. */
export async function startPlatform(hosted: Hosted): Promise<LocalPlatform> {
  const { dataDir, agents, remembered, folderOf, capsuleOf, envOf } = hosted;
  const platform = createLocalPlatform({
    stateDir: join(dataDir, 'platform'),
    capsules: agents.map((id) => ({
      id: capsuleOf(id),
      folder: folderOf(id),
      port: portOf(remembered, id),
      env: {
        ...envOf(id),
        AGENT_SECRET: remembered.secrets[id] as string,
        ORCHESTRATOR_WEBHOOK_URL: `http://localhost:${remembered.port}/webhook`,
      },
    })),
  });
  await platform.start();
  return platform;
}

/** The registry's agents where they are here; those that are hosted elsewhere stay as they are. */
export const located = (
  all: RegistryInput['agents'],
  { agents, remembered, capsuleOf }: Pick<Hosted, 'agents' | 'remembered' | 'capsuleOf'>,
): RegistryInput['agents'] =>
  all.map((agent) =>
    agents.includes(agent.id)
      ? { ...agent, capsuleId: capsuleOf(agent.id), baseUrl: addressOf(remembered, agent.id) }
      : agent,
  );

export const addressOf = (remembered: Remembered, id: string): string =>
  `http://127.0.0.1:${portOf(remembered, id)}`;

const portOf = ({ ports }: Remembered, id: string): number => ports[id] as number;

/** The orchestrator's environment. A database and a queue of the person's own are used. */
export function orchestratorEnv(
  platform: LocalPlatform,
  { agents, remembered, dataDir }: Pick<Hosted, 'agents' | 'remembered' | 'dataDir'>,
): NodeJS.ProcessEnv {
  const { DATABASE_URL, REDIS_URL, LOG_LEVEL } = process.env;
  return {
    ...(DATABASE_URL && { DATABASE_URL }),
    ...(REDIS_URL && { REDIS_URL }),
    LOG_LEVEL: LOG_LEVEL ?? 'info',
    PORT: String(remembered.port),
    DATA_DIR: dataDir,
    SWEEP_INTERVAL_MS: '1000',
    CC_API_URL: platform.url,
    CC_CLUSTER_URL: platform.url,
    CC_API_TOKEN: platform.token,
    ...Object.fromEntries(agents.map((id) => [agentVariables(id).secret, remembered.secrets[id]])),
  };
}
