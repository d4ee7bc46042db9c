/** An orchestrator as `dist/index.js` would wire it, with a registry of the benchmark's own. */
import { pino } from 'pino';
import { compose, type Orchestrator } from '../../src/compose';
import { loadConfig } from '../../src/config';
import { formatProblems } from '../../src/domain/schedule';
import { loadRegistry, type RegistryInput } from '../../src/registry';

export interface ComposeSettings {
  databaseUrl: string;
  redisUrl?: string | undefined;
  /** Base URL of a platform that speaks the Code Capsules API, and its token. */
  platformUrl: string;
  platformToken: string;
  /** 0 takes any free port. */
  port?: number;
}

export async function startOrchestrator(
  settings: ComposeSettings,
  input: RegistryInput,
): Promise<Orchestrator> {
  const env = {
    NODE_ENV: 'test',
    HOST: '127.0.0.1',
    PORT: String(settings.port ?? 0),
    DATABASE_URL: settings.databaseUrl,
    REDIS_URL: settings.redisUrl,
    CC_API_URL: settings.platformUrl,
    CC_API_TOKEN: settings.platformToken,
  };
  const config = loadConfig(env);
  const registry = loadRegistry(input, env);
  if (!config.ok) throw new Error(formatProblems(config.problems));
  if (!registry.ok) throw new Error(formatProblems(registry.problems));
  return compose(config.config, registry.registry, pino({ level: process.env.BENCH_LOG ?? 'error' }));
}
