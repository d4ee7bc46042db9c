/** The demo's installation: the example agents at zero replicas on a local platform, and who is who. */
import { join, resolve } from 'node:path';
import type { LocalPlatform } from '../../platforms/local';
import { onlyWorkflow, registry, type RegistryInput } from '../../registry';
import { located, orchestratorEnv, ROOT, startPlatform } from '../local/installation';
import { remember } from '../local/remembered';

/** The workflow that the demo runs; it needs no account anywhere. */
export const WORKFLOW = 'site-audit';
/** Short, so that the demo shows a capsule go back to sleep soon after its work. */
const LINGER_SECONDS = 1;
/** The site of the demo: a run that is taken up again audits the same address. */
const SITE = 'site';
/** Variables an agent may have from the person who starts the demo. */
const PASSED_ON: Record<string, string[]> = {
  'seo-analyser': ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'LLM_PROVIDERS', 'LLM_MODE', 'LLM_PRICES'],
  'report-notifier': ['SLACK_WEBHOOK_URL'],
};

export interface Installation {
  platform: LocalPlatform;
  /** The orchestrator's environment. */
  env: NodeJS.ProcessEnv;
  /** The orchestrator's. */
  port: number;
  registry: RegistryInput;
  reportsDir: string;
  sitePort: number;
}

/** Starts the local platform with every agent of the demo's workflow as a capsule at zero. */
export async function install(dataDir: string, port: number | undefined): Promise<Installation> {
  const declared = onlyWorkflow(registry(process.env), WORKFLOW);
  const agents = declared.agents.map((a) => a.id);
  const remembered = await remember(join(dataDir, 'demo.json'), { port, agents, others: [SITE] });
  const reportsDir = resolve(dataDir, 'reports');
  const hosted = {
    ...{ dataDir, agents, remembered },
    folderOf: (id: string) => join(ROOT, 'agents', id),
    capsuleOf: (id: string) => `demo-${id}`,
    envOf: (id: string) => ({ AGENT_MODE: 'startup', REPORT_DIR: reportsDir, ...passedOn(id) }),
  };
  const platform = await startPlatform(hosted);
  const quick = located(declared.agents, hosted).map((a) => ({
    ...a,
    lingerSeconds: LINGER_SECONDS,
    wakeTimeoutSeconds: 30,
  }));
  return {
    platform,
    port: remembered.port,
    env: orchestratorEnv(platform, hosted),
    registry: { ...declared, agents: quick },
    reportsDir,
    sitePort: remembered.ports[SITE] as number,
  };
}

function passedOn(id: string): Record<string, string> {
  const names = PASSED_ON[id] ?? [];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
