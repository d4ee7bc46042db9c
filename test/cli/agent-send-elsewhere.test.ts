/** `reveille agent send` to an agent on another machine, and used wrongly. */
import type { Orchestrator } from '../../src/compose';
import { World } from '../e2e/support/world';
import { CLI, KEY, agentThat, send, reports } from './agent-send-support';

describe('an agent elsewhere', () => {
  let world: World;
  let orchestrator: Orchestrator;
  beforeAll(async () => {
    world = await World.start({ agents: [{ id: 'alpha' }], workflows: [] });
    orchestrator = await world.orchestrate({ env: { INBOX: 'on', API_KEYS: KEY, HOST: '127.0.0.1' } });
  });
  afterAll(() => world.close());
  const webhook = () => `${orchestrator.url}/inbox/my-test`;

  it('reports to the inbox of an orchestrator, which is read from there', async () => {
    const { agent, url } = await agentThat(reports());
    const env = { REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: KEY };
    const { code, text } = await send(url, ['--webhook-url', webhook()], env);
    expect([code, text]).toEqual([0, expect.stringMatching(/success +by webhook[^]*"seen"/)]);
    expect(agent.jobs[0]?.config.webhookUrl).toBe(webhook());
    // What is in the bin from before is not taken for an answer.
    const late = await agentThat(reports({ output: { second: true } }));
    expect((await send(late.url, ['--webhook-url', webhook()], env)).text).toMatch(/"second": true/);
  });

  it('has its large result taken from itself, as an inbox keeps no more than the beginning', async () => {
    const output = { text: 'x'.repeat(1_100_000) };
    const { url } = await agentThat({
      ...reports({ output }),
      status: ({ jobs: [job] }) => ({
        status: 200,
        body: {
          state: 'idle',
          ...(job && { last: { ...job, input: undefined, status: 'success', output, durationMs: 1 } }),
        },
      }),
    });
    const env = { REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: KEY };
    const { code, text } = await send(url, ['--webhook-url', webhook()], env);
    expect([code, text]).toEqual([0, expect.stringMatching(/success +from GET \/status[^]*"text": "xxx/)]);
  });

  it('needs the key of that orchestrator, which goes to no other', async () => {
    const { agent, url } = await agentThat(reports());
    const { code, text } = await send(url, ['--webhook-url', webhook()], { REVEILLE_API_KEY: KEY });
    expect([code, text]).toEqual([1, expect.stringMatching(/Set REVEILLE_URL to http:.*REVEILLE_API_KEY/)]);
    expect(agent.jobs).toEqual([]);
  });
});

describe('what can be wrong', () => {
  it.each([
    [['ftp://x']],
    [['http://agent.example.com']],
    [['http://127.0.0.1:1', '--timeout', '0']],
    [['http://127.0.0.1:1', '--input', '/nowhere/at/all.json']],
    [['http://127.0.0.1:1', '--input', CLI]],
    [['http://127.0.0.1:1', '--input', '-', '--run-request', '-']],
  ])('%j is a usage error', async ([url = '', ...args]) => {
    expect((await send(url, args)).code).toBe(2);
  });
});
