/**
 * The agents and workflows of this installation: the file to edit when an agent is added.
 * Plain data; `loadRegistry` checks it at start and lists every mistake.
 */
import type { RegistryInput } from './schema';
import type { Env } from './variables';

export { definitionHash } from './hash';
export { onlyWorkflow, type LeftOut } from './installed';
export { loadRegistry, type LoadedRegistry } from './load';
export { planFor } from './plan';
export type {
  Agent,
  AgentInput,
  Registry,
  RegistryInput,
  Service,
  Step,
  Workflow,
  WorkflowInput,
} from './schema';
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
      {
        id: 'gsc-fetcher',
        name: 'Search Console fetcher',
        capsuleId: env.CC_CAPSULE_ID_GSC_FETCHER ?? '',
        baseUrl: env.CC_AGENT_URL_GSC_FETCHER ?? 'http://localhost:3104',
      },
      {
        id: 'keyword-clusterer',
        name: 'Keyword clusterer',
        capsuleId: env.CC_CAPSULE_ID_KEYWORD_CLUSTERER ?? '',
        baseUrl: env.CC_AGENT_URL_KEYWORD_CLUSTERER ?? 'http://localhost:3105',
      },
      {
        id: 'slack-notifier',
        name: 'Slack notifier',
        capsuleId: env.CC_CAPSULE_ID_SLACK_NOTIFIER ?? '',
        baseUrl: env.CC_AGENT_URL_SLACK_NOTIFIER ?? 'http://localhost:3106',
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
      {
        id: 'seo-audit-weekly',
        name: 'Weekly SEO audit',
        description: 'Reads Search Console, groups its queries, finds what to gain, and posts it to Slack.',
        // Part of the installation once one of its own agents has a capsule; then the others need one, too.
        enabled: ['GSC_FETCHER', 'KEYWORD_CLUSTERER', 'SLACK_NOTIFIER'].some((name) =>
          env[`CC_CAPSULE_ID_${name}`]?.trim(),
        ),
        input: { days: 28, brandTerms: list(env.SEO_AUDIT_BRAND_TERMS) },
        schedule: { cron: '0 9 * * 1', timezone: env.SEO_AUDIT_TIMEZONE ?? 'Europe/Berlin' },
        steps: [
          { id: 'fetch', agent: 'gsc-fetcher', timeoutSeconds: 300, retry: { attempts: 2 } },
          { id: 'cluster', agent: 'keyword-clusterer', timeoutSeconds: 300, retry: { attempts: 2 } },
          { id: 'analyse', agent: 'seo-analyser', timeoutSeconds: 300, retry: { attempts: 2 } },
          // A message that may have arrived is not sent again: one attempt.
          { id: 'notify', agent: 'slack-notifier', timeoutSeconds: 120 },
        ],
      },
    ],
  };
}

/** Words separated by commas. */
function list(variable: string | undefined): string[] {
  return (variable ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
