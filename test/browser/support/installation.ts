/** An installation whose dashboard is worth a look, and names and outputs full of markup. */
import type { RegistryInput } from '../../../src/registry';
import { AGENTS } from '../../e2e/support/registry';
import { World } from '../../e2e/support/world';

/** Sets `window.pwned` wherever it is taken for markup. */
export const MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';

const agent = (id: string, by: string, more: object = {}) => ({ id, agent: by, timeoutSeconds: 30, ...more });

export const WORKFLOWS: RegistryInput['workflows'] = [
  {
    id: 'site-audit',
    name: 'Site audit',
    input: { site: 'https://example.com', depth: 2 },
    schedule: { cron: '30 */6 * * *', timezone: 'Europe/Berlin' },
    steps: [
      agent('crawl', 'alpha'),
      agent('analyse', 'beta', { needs: ['crawl'], retry: { attempts: 3, backoffSeconds: 0.2 } }),
      agent('keywords', 'gamma', { needs: ['crawl'] }),
      agent('report', 'alpha', { needs: ['analyse', 'keywords'] }),
    ],
  },
  {
    id: 'pages',
    name: 'One job for each page',
    steps: [
      agent('page', 'alpha', {
        forEach: { items: 'input.pages', concurrency: 2, tolerate: 1, maxItems: 12 },
        retry: { attempts: 1 },
      }),
      agent('join', 'gamma'),
    ],
  },
  {
    id: 'newsletter',
    name: 'Newsletter',
    schedule: { cron: '0 9 * * *', timezone: 'America/New_York' },
    steps: [agent('draft', 'beta'), { id: 'word', approval: { title: 'Send it to 1,200 people?' } }],
  },
  {
    id: 'announce',
    name: 'Announce a release',
    steps: [agent('post', 'herald'), agent('file', 'gamma')],
  },
  {
    id: 'markup',
    name: `Markup ${MARKUP}`,
    steps: [agent('job', 'gamma', { retry: { attempts: 1 } })],
  },
];

const PLANNED = '2026-01-01T00:00:00Z';

/** What the herald of `announce` wants to do: somebody is asked. */
export const PROPOSAL = {
  report: {
    post: {
      actions: [
        { type: 'post.publish', platform: 'example.social', costUsd: 4.5, reach: 12_000, at: PLANNED },
        { type: 'mail.send', platform: 'newsletter', costUsd: 0.8, reach: 1_200, at: PLANNED },
      ],
      confidence: 0.82,
      riskTier: 2,
      needsHuman: `Is the claim "twice as fast" ours to make? ${MARKUP}`,
    },
  },
};

/** @param databaseUrl instead of one on Jest's Postgres */
export const startInstallation = (databaseUrl?: string): Promise<World> =>
  World.start({
    agents: [
      ...AGENTS.map((id) => ({
        id,
        name: id === 'gamma' ? `Gamma ${MARKUP}` : `Agent ${id}`,
        pricePerReplicaHourUsd: 0.05,
        lingerSeconds: 1,
        budget: { perDayUsd: 2 },
      })),
      {
        id: 'herald',
        name: 'Herald',
        oversight: { mode: 'supervised', onReject: 'propose-again', maxRounds: 2 },
      },
    ],
    workflows: WORKFLOWS,
    ...(databaseUrl !== undefined && { databaseUrl }),
  });
