/** `reveille agent send`: what is shown of an agent that works, and of one that does not. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import {
  SECRET,
  EXAMPLE_RUN,
  type Job,
  ACCEPTED,
  agentThat,
  start,
  send,
  reports,
} from './agent-send-support';

describe('an agent that works', () => {
  it('gets the example job, and its result is shown', async () => {
    const { agent, url } = await agentThat(reports());
    const { code, text } = await send(url);
    expect(code).toBe(0);
    expect(agent.jobs[0]).toMatchObject({
      workflowId: 'test',
      stepId: 'my-new-step',
      runId: EXAMPLE_RUN,
      input: {},
      config: { timeoutSeconds: 300 },
    });
    expect(text).toMatch(/sending[^]*accepted +HTTP 202[^]*success +by webhook[^]*"seen": \{\}/);
    expect(text).toMatch(/signed; with AGENT_SECRET set/);
  });

  it('gets the input of a file or of standard input, and the whole request of another', async () => {
    const { agent, url } = await agentThat(reports());
    const folder = await temporaryFolder();
    const [input, request] = [join(folder.path, 'input.json'), join(folder.path, 'request.json')];
    await writeFile(input, '{"name": "Ada"}');
    await writeFile(request, JSON.stringify({ stepId: 'crawl', input: { n: 1 }, config: { dryRun: true } }));
    expect((await send(url, ['--input', input, '--timeout', '7'])).code).toBe(0);
    expect((await send(url, ['--run-request', request])).code).toBe(0);
    await folder.remove();
    expect(agent.jobs[0]).toMatchObject({ input: { name: 'Ada' }, config: { timeoutSeconds: 7 } });
    expect(agent.jobs[1]).toMatchObject({ stepId: 'crawl', input: { n: 1 }, config: { dryRun: true } });
    expect(agent.jobs[1]?.config.webhookUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/results\/[0-9a-f]+$/);
  });

  it('gets the job as a run of its own when it has had it before', async () => {
    const { agent, url } = await agentThat({
      run: (job, self) => {
        if (job.runId === EXAMPLE_RUN) return { status: 202, body: { accepted: true, duplicate: true } };
        self.report(job);
        return ACCEPTED;
      },
    });
    const { code, text } = await send(url);
    expect([code, text]).toEqual([0, expect.stringMatching(/duplicate[^]*success/)]);
    expect(agent.jobs[1]?.runId).not.toBe(EXAMPLE_RUN);
  });

  it('shows its progress while it works', async () => {
    const { agent, url } = await agentThat({
      run: () => ACCEPTED,
      status: ({ jobs }) => {
        const [job] = jobs;
        const current = job && { runId: job.runId, stepId: job.stepId, progress: { page: 3 } };
        return { status: 200, body: { state: 'running', ...(current && { current }) } };
      },
    });
    const child = await start(url);
    await child.waitFor(/progress +\{"page":3\}/);
    agent.report(agent.jobs[0] as Job);
    expect((await child.exited).code).toBe(0);
    expect(child.output().match(/progress/g)).toHaveLength(1);
  });

  it('has its signature checked where the secret is known', async () => {
    const { url } = await agentThat(reports());
    expect((await send(url, [], { AGENT_SECRET: SECRET })).text).toMatch(/Its signature holds/);
    const wrong = await send(url, [], { AGENT_SECRET: 'another-secret-0123456789' });
    expect([wrong.code, wrong.text]).toEqual([1, expect.stringMatching(/does not hold: .*another secret/)]);
  });

  it('is reported as one JSON document', async () => {
    const { url } = await agentThat(reports());
    const { code, text } = await send(url, ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      outcome: 'success',
      ok: true,
      via: 'webhook',
      runId: EXAMPLE_RUN,
      differences: [],
      result: { status: 'success', output: { seen: {} } },
    });
  });
});

describe('an agent that does not', () => {
  it.each([
    [
      'a status nobody knows',
      { status: 'done' },
      /✗ status +done, expected "success" or "error" or "timeout"/,
    ],
    ['a field too few', { durationMs: undefined }, /✗ durationMs +missing, expected number/],
    [
      'the run of another',
      { runId: '11111111-1111-4111-8111-111111111111' },
      /✗ runId +"1{8}-.*expected "0{8}-/,
    ],
    ['a failure', { status: 'error', error: 'no quota' }, /error +by webhook[^]*no quota/],
  ])('reports %s', async (_what, change, said) => {
    const { url } = await agentThat(reports(change));
    const { code, text } = await send(url);
    expect([code, text]).toEqual([1, expect.stringMatching(said)]);
  });

  it('reports to another address than it was given', async () => {
    const { url } = await agentThat({
      run: (job, agent) => {
        agent.report(job, {}, {}, new URL('/webhook', job.config.webhookUrl).href);
        return ACCEPTED;
      },
    });
    expect((await send(url)).text).toMatch(/it came to \/webhook instead of the exact address/);
  });

  it.each([
    ['busy', { status: 429, body: { error: 'busy' }, headers: { 'retry-after': '9' } }, /busy .*about 9 s/],
    ['busy for it does not know how long', { status: 409 }, /busy .*does not say/],
    ['not willing', { status: 400, body: { error: 'input.name' } }, /refused +HTTP 400 .*input\.name/],
  ])('is %s', async (_what, answer, said) => {
    const { url } = await agentThat({ run: () => answer });
    const { code, text } = await send(url);
    expect([code, text]).toEqual([1, expect.stringMatching(said)]);
  });

  it('answers 200 instead of 202, and is told', async () => {
    const { url } = await agentThat({
      run: (job, agent) => {
        agent.report(job);
        return { status: 200, body: { ok: true } };
      },
    });
    expect((await send(url)).text).toMatch(/note +it answered \{"ok":true\}; the contract says 202/);
  });

  it('finishes without a webhook, as GET /status knows', async () => {
    const { url } = await agentThat({
      run: () => ACCEPTED,
      status: ({ jobs: [job] }) => ({
        status: 200,
        body: {
          state: 'idle',
          ...(job && {
            last: { ...job, input: undefined, status: 'success', output: { a: 1 }, durationMs: 1 },
          }),
        },
      }),
    });
    const { code, text } = await send(url);
    expect(code).toBe(1);
    expect(text).toMatch(/no webhook came to http[^]*success +from GET \/status[^]*"a": 1/);
  });

  it('is not there', async () => {
    const { code, text } = await send(`http://127.0.0.1:${await freePort()}`);
    expect([code, text]).toEqual([1, expect.stringMatching(/No agent answers at .*agent dev/s)]);
  });

  it('is told when the person who waits goes away', async () => {
    const { agent, url } = await agentThat({ run: () => ACCEPTED });
    const child = await start(url);
    await child.waitFor(/accepted/);
    child.kill('SIGINT');
    expect((await child.exited).code).toBe(1);
    expect(agent.cancelled).toEqual([{ runId: EXAMPLE_RUN, stepId: 'my-new-step' }]);
  });
});
