/** Every agent of this repository, as it is deployed and with its own agent.check.json, scores full marks. */
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkAgent, readInputs, type CheckLimits } from '../../src/agent-check';
import { buildAgents, ROOT, serve, startAgent } from '../agents/agents';
import { useProcesses } from '../support/processes';

const SECRET = 'agent-check-canary-5d1e';
/** Longer than usual where something must come: the machine may be busy. */
const LIMITS: Partial<CheckLimits> = { jobMs: 60_000, graceMs: 20_000, idleMs: 20_000, finalMs: 2_000 };

type Server = Awaited<ReturnType<typeof serve>>;
let silent: Server;
let google: Server;

beforeAll(async () => {
  await buildAgents();
  silent = await serve(() => undefined);
  google = await serve((request, response) => {
    if (request.url?.includes('silent')) return;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.url === '/token' ? { access_token: 'a' } : { rows: [] }));
  });
}, 120_000);
afterAll(() => Promise.all([silent, google].map(({ close }) => close())));

function serviceAccount(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return JSON.stringify({
    type: 'service_account',
    client_email: 'check@example.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    token_uri: `${google.url}token`,
  });
}

/** The outside services of the agents that have some: a slow job is one that waits for them. */
const ENV: Record<string, () => Record<string, string>> = {
  'seo-analyser': () => ({
    ANTHROPIC_API_KEY: 'sk-test',
    LLM_PROVIDERS: `anthropic:claude-sonnet-5-5@${silent.url}#ANTHROPIC_API_KEY`,
  }),
  'slack-notifier': () => ({ SLACK_WEBHOOK_URL: silent.url }),
  'report-notifier': () => ({ SLACK_WEBHOOK_URL: silent.url }),
  'gsc-fetcher': () => ({
    GOOGLE_SERVICE_ACCOUNT_JSON: serviceAccount(),
    GSC_SITE_URL: 'sc-domain:example.com,sc-domain:silent.example',
    GSC_API_URL: google.url,
  }),
};

/** Agents that are checked at the same time: most of a check is waiting. */
const LANES = 3;

describe('the agents of this repository', () => {
  const processes = useProcesses();
  const agents = readdirSync(join(ROOT, 'agents'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const checks = new Map<string, ReturnType<typeof check>>();

  async function check(name: string) {
    const inputs = await readInputs(join(ROOT, 'agents', name));
    const agent = await startAgent(processes, name, { AGENT_SECRET: SECRET, ...ENV[name]?.() });
    const report = await checkAgent({ url: agent.url, inputs, secret: SECRET, limits: LIMITS });
    await agent.process.stop();
    return { report, output: agent.process.output() };
  }

  beforeAll(() => {
    const lanes = Array.from({ length: LANES }, () => Promise.resolve<unknown>(undefined));
    agents.forEach((name, index) => {
      const one = (lanes[index % LANES] as Promise<unknown>).then(() => check(name));
      checks.set(name, one);
      lanes[index % LANES] = one.catch(() => undefined); // told by the test that waits for it
    });
  });

  test.each(agents)(
    '%s scores full marks',
    async (name) => {
      const { report, output } = await (checks.get(name) as ReturnType<typeof check>);
      const others = report.checks.filter(({ outcome }) => outcome.kind !== 'pass');
      expect(others).toEqual([]);
      expect(report.complete).toBe(true);
      expect(output).not.toContain(SECRET);
    },
    120_000,
  );
});
