/**
 * The agents and workflows of this installation: the file to edit when an agent is added.
 * Plain data; `loadRegistry` checks it at start and lists every mistake.
 */
import type { RegistryInput } from './schema';
import type { Env } from './variables';

export { definitionHash } from './hash';
export { loadRegistry, type LoadedRegistry } from './load';
export type { Agent, AgentInput, Registry, RegistryInput, Step, Workflow, WorkflowInput } from './schema';
export { AGENT_VARIABLE_PREFIXES, agentVariables, type AgentVariables, type Env } from './variables';

/** What this installation declares; `env` is the environment it is read under. */
export function registry(env: Env): RegistryInput {
  return {
    agents: [
      {
        id: 'site-crawler',
        name: 'Site crawler',
        capsuleId: env.CC_CAPSULE_ID_SITE_CRAWLER ?? '',
        baseUrl: env.CC_AGENT_URL_SITE_CRAWLER ?? 'http://localhost:3101',
      },
      {
        id: 'seo-analyser',
        name: 'SEO analyser',
        capsuleId: env.CC_CAPSULE_ID_SEO_ANALYSER ?? '',
        baseUrl: env.CC_AGENT_URL_SEO_ANALYSER ?? 'http://localhost:3102',
      },
      {
        id: 'report-notifier',
        name: 'Report notifier',
        capsuleId: env.CC_CAPSULE_ID_REPORT_NOTIFIER ?? '',
        baseUrl: env.CC_AGENT_URL_REPORT_NOTIFIER ?? 'http://localhost:3103',
      },
    ],
    workflows: [
      {
        id: 'site-audit',
        name: 'Site audit',
        description: 'Crawls a site, finds what search engines and readers trip over, and reports it.',
        input: { siteUrl: env.SITE_AUDIT_URL ?? 'https://example.com/' },
        schedule: { cron: '0 9 * * 1', timezone: env.SITE_AUDIT_TIMEZONE ?? 'Europe/Berlin' },
        steps: [
          { id: 'crawl', agent: 'site-crawler', timeoutSeconds: 300, retry: { attempts: 2 } },
          { id: 'analyse', agent: 'seo-analyser', timeoutSeconds: 300, retry: { attempts: 2 } },
          // Sent twice is worse than sent late: one attempt.
          { id: 'notify', agent: 'report-notifier', timeoutSeconds: 60 },
        ],
      },
    ],
  };
}
