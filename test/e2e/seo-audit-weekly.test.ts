/** The weekly audit of the registry with its real agents; only Google and Slack are stand-ins on loopback. */
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Orchestrator } from '../../src/compose';
import { onlyWorkflow, registry, type WorkflowInput } from '../../src/registry';
import { buildAgents, ROOT, serve } from '../agents/agents';
import { base64, errorAnswer, keyFile, PROPERTY, TOKEN_ANSWER } from '../agents/google';
import { allAsleep, ended, outputOf, statuses, trigger } from './support/runs';
import { World } from './support/world';

const AGENTS = ['gsc-fetcher', 'keyword-clusterer', 'seo-analyser', 'slack-notifier'];
const [weekly] = onlyWorkflow(registry({ SEO_AUDIT_BRAND_TERMS: 'acme' }), 'seo-audit-weekly').workflows;
if (!weekly) throw new Error('the registry has no seo-audit-weekly');

/** Whoever runs the tests may have set these. */
const NOTHING_SET = {
  ANTHROPIC_API_KEY: '',
  GOOGLE_SERVICE_ACCOUNT_JSON: '',
  GSC_SITE_URL: '',
  LLM_MODE: '',
  LLM_PROVIDERS: '',
  OPENAI_API_KEY: '',
  REDIS_URL: '',
  SLACK_BOT_TOKEN: '',
  SLACK_CHANNEL: '',
  SLACK_WEBHOOK_URL: '',
};

const row = (query: string, page: string, position: number, impressions: number, clicks: number) => ({
  keys: [query, `https://example.com/${page}`],
  clicks,
  impressions,
  ctr: clicks / impressions,
  position,
});
const ROWS = [
  row('acme login', 'login', 1.1, 4000, 2000),
  row('blue widgets', 'widgets', 8.3, 3000, 60),
  row('blue widgets cheap', 'widgets', 9.1, 1200, 12),
  row('cheap blue widgets', 'widgets', 9.4, 900, 9),
  row('garden chairs', 'chairs', 6, 700, 14),
  row('garden chairs wood', 'chairs', 6.2, 600, 12),
];

beforeAll(buildAgents, 120_000);

function start(env: Record<string, string>, ...workflows: WorkflowInput[]): Promise<World> {
  const agents = AGENTS.map((id) => ({
    id,
    folder: join(ROOT, 'agents', id),
    wakeTimeoutSeconds: 60,
    env: { ...NOTHING_SET, ...env },
  }));
  return World.start({ agents, workflows });
}

describe('with credentials', () => {
  const messages: { text: string; blocks: unknown[] }[] = [];
  let services: Awaited<ReturnType<typeof serve>>;
  let world: World;
  let orchestrator: Orchestrator;
  let forbidden = false;

  beforeAll(async () => {
    services = await serve((request, response) => {
      void text(request).then((body) => {
        if (request.url === '/slack') {
          messages.push(JSON.parse(body) as (typeof messages)[number]);
          return response.end('ok');
        }
        response.setHeader('content-type', 'application/json');
        const refused = forbidden && request.url !== '/token';
        if (refused) response.statusCode = 403;
        const granted = request.url === '/token' ? TOKEN_ANSWER : { rows: ROWS };
        const answer = refused ? errorAnswer(403, 'forbidden', 'No sufficient permission.') : granted;
        return response.end(JSON.stringify(answer));
      });
    });
    world = await start(
      {
        GOOGLE_SERVICE_ACCOUNT_JSON: base64(keyFile(`${services.url}token`)),
        GSC_SITE_URL: PROPERTY,
        GSC_API_URL: services.url,
        SLACK_WEBHOOK_URL: `${services.url}slack`,
      },
      weekly,
    );
    orchestrator = await world.orchestrate();
  });
  afterAll(async () => {
    await world.close();
    await services.close();
  });

  test('fetches, clusters, analyses and posts one message with what came of it', async () => {
    const runId = await trigger(orchestrator, 'seo-audit-weekly');
    const run = await ended(orchestrator, runId);
    expect([run.error, ...statuses(run)]).toEqual([
      undefined,
      'succeeded',
      'succeeded',
      'succeeded',
      'succeeded',
    ]);
    expect(await outputOf(orchestrator, runId, 'fetch')).toMatchObject({
      siteProperty: PROPERTY,
      rowCount: 6,
    });
    expect(await outputOf(orchestrator, runId, 'analyse')).toMatchObject({
      siteUrl: 'https://example.com/',
      search: { brand: { clicks: 2000 }, nonBrand: { clicks: 107 } },
    });
    expect(await outputOf(orchestrator, runId, 'notify')).toMatchObject({ delivered: true, via: 'webhook' });
    expect(messages).toHaveLength(1);
    const shown = JSON.stringify(messages[0]?.blocks);
    expect(messages[0]?.text).toBe('SEO report: example.com');
    expect(shown).toContain('Push results that are close to the top');
    expect(shown).toContain('“blue widgets” is at position 8.3 with 3,000 impressions');
    expect(shown).toMatch(/Topics people search for.*widgets/);
    await allAsleep(world, orchestrator);
  });

  test('names the account and the mend when the property is closed to it', async () => {
    forbidden = true;
    const run = await ended(orchestrator, await trigger(orchestrator, 'seo-audit-weekly'), 60_000);
    expect(statuses(run)).toEqual(['failed', 'skipped', 'skipped', 'skipped']);
    expect(run.error?.message).toMatch(
      /^step fetch: GSC_SITE_URL: reader@my-project\S+ may not read sc-domain:example\.com .*Users and permissions/,
    );
  });
});

describe('without credentials', () => {
  let world: World;
  let orchestrator: Orchestrator;
  const notify: WorkflowInput = {
    id: 'notify-only',
    name: 'Notify only',
    input: { text: 'Hello' },
    steps: [{ id: 'notify', agent: 'slack-notifier' }],
  };
  // What is missing does not come by itself: one attempt shows it.
  const once = { ...weekly, steps: weekly.steps.map(({ retry: _, ...step }) => step) };

  beforeAll(async () => {
    world = await start({}, once, notify);
    orchestrator = await world.orchestrate();
  });
  afterAll(() => world.close());

  test.each([
    [
      'seo-audit-weekly',
      'step fetch: GOOGLE_SERVICE_ACCOUNT_JSON: is not set; set it to the service account',
    ],
    [
      'notify-only',
      'step notify: SLACK_WEBHOOK_URL: is not set; set it to an incoming webhook, or set SLACK_BOT_TOKEN',
    ],
  ])('%s fails and names the variable', async (workflowId, message) => {
    const run = await ended(orchestrator, await trigger(orchestrator, workflowId));
    expect(run).toMatchObject({ status: 'failed', error: { kind: 'agent-error' } });
    expect(run.error?.message).toContain(message);
  });
});
