/** The agent's settings, read once from the environment; `.env.example` explains each. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Config = ReturnType<typeof readConfig>;

/** @throws Error naming the variable and what it must be */
export function readConfig(env: NodeJS.ProcessEnv) {
  const manifest = readFileSync(join(__dirname, '../package.json'), 'utf8');
  const { name, version } = JSON.parse(manifest) as Record<'name' | 'version', string>;
  const mode = env.AGENT_MODE || 'api';
  if (mode !== 'api' && mode !== 'startup') throw new Error('AGENT_MODE: must be api or startup');
  if (mode === 'startup' && !env.STARTUP_INPUT && !(env.ORCHESTRATOR_WEBHOOK_URL && env.AGENT_SECRET))
    throw new Error('AGENT_MODE: startup needs ORCHESTRATOR_WEBHOOK_URL and AGENT_SECRET, or STARTUP_INPUT');
  if (env.REDIS_URL && !/^rediss?:\/\//.test(env.REDIS_URL))
    throw new Error('REDIS_URL: must begin with redis:// or rediss://');
  return {
    who: {
      agentId: env.AGENT_ID || name.replace(/^(@.*\/)?(agent-)?/, ''),
      version,
      bootId: randomUUID(),
      mode,
    },
    port: number('PORT', env.PORT, 3000, 0),
    concurrency: number('AGENT_CONCURRENCY', env.AGENT_CONCURRENCY, 1, 1),
    graceMs: number('AGENT_GRACE_SECONDS', env.AGENT_GRACE_SECONDS, 5, 0) * 1000,
    redisUrl: env.REDIS_URL,
    orchestratorUrl: env.ORCHESTRATOR_WEBHOOK_URL,
    secret: env.AGENT_SECRET,
    startupInput: env.STARTUP_INPUT ? jsonObject('STARTUP_INPUT', env.STARTUP_INPUT) : undefined,
    startupTimeoutSeconds: number('STARTUP_TIMEOUT_SECONDS', env.STARTUP_TIMEOUT_SECONDS, 300, 1),
    resultUrl: env.RESULT_WEBHOOK_URL,
  };
}

/** A whole number; an empty variable counts as unset. 65,535 is more than any of them needs, and the last port. */
function number(name: string, value: string | undefined, unset: number, least: number): number {
  const parsed = value ? Number(value) : unset;
  if (Number.isInteger(parsed) && parsed >= least && parsed <= 65_535) return parsed;
  throw new Error(`${name}: must be a whole number from ${least} to 65535`);
}

function jsonObject(name: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined; // said below; what is quoted of the text might be a secret
  }
  if (typeof value === 'object' && value && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`${name}: must be a JSON object, for instance {"name":"Ada"}`);
}
