/** The demo's installation: the example agents at zero replicas on a local platform, and who is who. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createLocalPlatform, type LocalPlatform } from '../../platforms/local';
import { agentVariables, onlyWorkflow, registry, type RegistryInput } from '../../registry';

/** The repository's root, from `dist/cli/demo`. */
const ROOT = resolve(__dirname, '..', '..', '..');
/** The workflow that the demo runs; it needs no account anywhere. */
export const WORKFLOW = 'site-audit';
/** Short, so that the demo shows a capsule go back to sleep soon after its work. */
const LINGER_SECONDS = 1;
/** Variables an agent may have from the person who starts the demo. */
const PASSED_ON: Record<string, string[]> = {
  'seo-analyser': ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'LLM_PROVIDERS', 'LLM_MODE', 'LLM_PRICES'],
  'report-notifier': ['SLACK_WEBHOOK_URL'],
};

/** What has to stay the same from one start to the next. */
interface Remembered {
  port: number;
  /** The site of the demo: a run that is taken up again audits the same address. */
  sitePort: number;
  agentPorts: Record<string, number>;
  secrets: Record<string, string>;
}

export interface Installation {
  platform: LocalPlatform;
  /** The orchestrator's environment. */
  env: NodeJS.ProcessEnv;
  registry: RegistryInput;
  reportsDir: string;
  sitePort: number;
}

/** Starts the local platform with every agent of the demo's workflow as a capsule at zero. */
export async function install(dataDir: string, port: number | undefined): Promise<Installation> {
  const declared = onlyWorkflow(registry(process.env), WORKFLOW);
  const ids = declared.agents.map((a) => a.id);
  const remembered = await remember(join(dataDir, 'demo.json'), ids, port);
  const reportsDir = resolve(dataDir, 'reports');
  const webhookUrl = `http://localhost:${remembered.port}/webhook`;
  const platform = createLocalPlatform({
    stateDir: join(dataDir, 'platform'),
    capsules: ids.map((id) => ({
      id: capsuleId(id),
      folder: join(ROOT, 'agents', id),
      port: remembered.agentPorts[id] as number,
      env: {
        AGENT_MODE: 'startup',
        AGENT_SECRET: remembered.secrets[id] as string,
        ORCHESTRATOR_WEBHOOK_URL: webhookUrl,
        REPORT_DIR: reportsDir,
        ...passedOn(id),
      },
    })),
  });
  await platform.start();
  const agents = declared.agents.map((a) => ({
    ...a,
    lingerSeconds: LINGER_SECONDS,
    wakeTimeoutSeconds: 30,
  }));
  return {
    platform,
    env: environment(platform, ids, remembered, dataDir),
    registry: { ...declared, agents: located(agents, platform) },
    reportsDir,
    sitePort: remembered.sitePort,
  };
}

function located(agents: RegistryInput['agents'], platform: LocalPlatform): RegistryInput['agents'] {
  return agents.map((a) => ({
    ...a,
    capsuleId: capsuleId(a.id),
    baseUrl: platform.baseUrl(capsuleId(a.id)),
  }));
}

function environment(
  platform: LocalPlatform,
  ids: string[],
  remembered: Remembered,
  dataDir: string,
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
    ...Object.fromEntries(ids.map((id) => [agentVariables(id).secret, remembered.secrets[id]])),
  };
}

/** Ports and secrets survive a restart, so that runs and capsules of the last one are found again. */
async function remember(file: string, ids: string[], port: number | undefined): Promise<Remembered> {
  const known = read(file);
  const remembered: Remembered = {
    port: port ?? (await freePort(known?.port ?? 3_000)),
    sitePort: await freePort(known?.sitePort),
    agentPorts: {},
    secrets: {},
  };
  for (const id of ids) {
    remembered.agentPorts[id] = known?.agentPorts[id] ?? (await freePort());
    remembered.secrets[id] = known?.secrets[id] ?? randomBytes(32).toString('base64');
  }
  mkdirSync(resolve(file, '..'), { recursive: true });
  writeFileSync(file, JSON.stringify(remembered, null, 2), { mode: 0o600 });
  return remembered;
}

function read(file: string): Remembered | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Remembered;
  } catch {
    // The first start, or a file cut short by a crash: ports and secrets are made anew.
    return undefined;
  }
}

/** A port nobody listens on: the wished one if it is free. */
function freePort(wished = 0): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer();
    server.once('error', () => (wished === 0 ? reject(new Error('no free port')) : resolvePort(freePort())));
    server.listen(wished, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolvePort(typeof address === 'object' && address ? address.port : wished));
    });
  });
}

function passedOn(id: string): Record<string, string> {
  const names = PASSED_ON[id] ?? [];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

const capsuleId = (agentId: string): string => `demo-${agentId}`;
