/** The checks where they depend on what whoever checks gives, and what may never be shown. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentRunResult } from '../../src/contract';
import { AgentUnreachable, checkAgent, CHECKS, readInputs, type CheckOptions } from '../../src/agent-check';
import { fillIn } from '../../src/agent-check/inputs';
import { describe as tell, differences } from '../../src/agent-check/shape';
import { INPUTS, SECRET, SmallAgent } from '../support/broken-agents/agent';
import type { Behaviour } from '../support/broken-agents/behaviour';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';

async function check(options: Partial<CheckOptions>, behaviour: Partial<Behaviour> = {}) {
  const agent = new SmallAgent(behaviour);
  const url = await agent.start();
  try {
    const report = await checkAgent({ url, inputs: INPUTS, ...options });
    const outcome = (id: string) => report.checks.find((c) => c.id === id)?.outcome;
    return { report, outcome };
  } finally {
    await agent.stop();
  }
}

describe('inputs', () => {
  test('a quick input that does not succeed is a failure, and none at all a gap', async () => {
    const wrong = await check({ inputs: { quick: INPUTS.wrong }, only: ['success'] });
    expect(wrong.outcome('success')).toMatchObject({
      kind: 'fail',
      saw: expect.stringContaining('input.sleepMs') as string,
    });
    const none = await check({ inputs: {}, only: ['success'] });
    expect(none.outcome('success')).toEqual({
      kind: 'skip',
      why: 'needs-input',
      reason: expect.stringContaining('"quick" in agent.check.json') as string,
    });
    expect(none.report).toMatchObject({ compatible: true, complete: false });
  });

  test('checks without their input say what to add', async () => {
    const { outcome } = await check({ inputs: {}, only: ['busy', 'wrong-input', 'signature'] });
    expect(outcome('busy')).toMatchObject({
      why: 'needs-input',
      reason: expect.stringMatching(/add "slow"/) as string,
    });
    expect(outcome('wrong-input')).toMatchObject({ reason: expect.stringMatching(/add "wrong"/) as string });
    expect(outcome('signature')).toMatchObject({
      why: 'needs-secret',
      reason: expect.stringMatching(/AGENT_SECRET/) as string,
    });
  });

  test('a slow input that is not slow is no fault of the agent', async () => {
    const inputs = { ...INPUTS, slow: { sleepMs: 10 } };
    const { outcome, report } = await check({ inputs, only: ['timeout', 'busy', 'cancel-other', 'cancel'] });
    for (const id of ['timeout', 'cancel-other'])
      expect(outcome(id)).toMatchObject({ kind: 'skip', why: 'needs-input' });
    expect(report.score).toMatchObject({ required: { failed: 0 }, optional: { failed: 0 } });
  });

  test('an agent of several jobs is busy when all its places are taken', async () => {
    const only = ['busy', 'status-running'];
    const told = await check({ inputs: { ...INPUTS, concurrency: 3 }, only }, { places: 3 });
    expect(told.outcome('busy')).toMatchObject({ kind: 'pass' });
    expect(told.outcome('status-running')).toMatchObject({ kind: 'pass' });
    const untold = await check({ only }, { places: 3 });
    expect(untold.outcome('busy')).toMatchObject({
      kind: 'fail',
      mend: expect.stringContaining('"concurrency" in agent.check.json') as string,
    });
  });

  test('dry runs are asked for with every job but the slow ones', async () => {
    const seen: unknown[] = [];
    const key: Behaviour['key'] = ({ runId, config }) => {
      seen.push(config.dryRun);
      return `${runId} ${config.attempt ?? 1}`;
    };
    await check({ inputs: { ...INPUTS, dryRun: true }, only: ['additive', 'timeout'] }, { key });
    expect(seen).toEqual([true, true, false]);
  });

  describe('agent.check.json', () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    beforeAll(async () => {
      folder = await temporaryFolder();
    });
    afterAll(() => folder.remove());
    const write = (text: string) => writeFile(join(folder.path, 'agent.check.json'), text);

    test('is found in its folder', async () => {
      await write('{"quick":{"a":1}}');
      expect(await readInputs(folder.path)).toEqual({ quick: { a: 1 } });
    });

    test('is refused with its name and the field', async () => {
      await write('{"quick":[],"slwo":{}}');
      await expect(readInputs(folder.path)).rejects.toThrow(
        /agent\.check\.json does not fit: .*quick.*slwo/s,
      );
      await write('{');
      await expect(readInputs(folder.path)).rejects.toThrow(/agent\.check\.json is no JSON/);
      await expect(readInputs(join(folder.path, 'other.json'))).rejects.toThrow(/other\.json cannot be read/);
    });

    test("may name the checker's own addresses", () => {
      const places = { page: 'http://a/page/', silent: 'http://a/silent/' };
      expect(fillIn({ deep: [{ url: '{{page}}x' }], other: '{{silent}}', n: 1 }, places)).toEqual({
        deep: [{ url: 'http://a/page/x' }],
        other: 'http://a/silent/',
        n: 1,
      });
    });

    test('may describe a long list', () => {
      const list = { '{{repeat 3}}': { query: 'word {{n}} {{n}}', page: '{{page}}' } };
      const filled = fillIn({ rows: list }, { page: 'http://a/' }) as unknown as { rows: unknown[] };
      expect(filled.rows).toHaveLength(3);
      expect(filled.rows[2]).toEqual({ query: 'word 2 2', page: 'http://a/' });
      // With another key beside it, or with no number, it is what it says.
      const plain = { '{{repeat 3}}': 'x', other: '{{unknown}}' };
      expect(fillIn(plain, {})).toEqual(plain);
    });
  });
});

test('an agent that is not there is no failed check', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  await expect(checkAgent({ url })).rejects.toThrow(AgentUnreachable);
  await expect(checkAgent({ url })).rejects.toThrow(/connection refused.*Start it/);
});

test('an unknown check is refused', async () => {
  await expect(check({ only: ['bussy'] })).rejects.toThrow(/no check bussy; there are health,/);
});

test('neither a secret, a token nor a control character of an answer is shown', async () => {
  const loud = `\u001b[2J${SECRET} http://a/webhook?token=hush&x=1`;
  const { report, outcome } = await check(
    { secret: SECRET, only: ['health', 'result-shape', 'webhook-url'] },
    {
      health: () => ({ status: loud }),
      result: (good) => ({ ...good, confidence: loud }),
      webhookUrl: (given) => given.replace('&for', '&to'),
    },
  );
  for (const id of ['health', 'result-shape', 'webhook-url'])
    expect(outcome(id)).toMatchObject({ kind: 'fail' });
  const text = JSON.stringify(report);
  expect(text).toContain('«redacted»');
  expect(text).not.toMatch(new RegExp(`${SECRET}|hush|token=[\\w-]`));
  const shown = report.checks.flatMap(({ outcome: o }) => Object.values(o)).join('');
  expect(shown).toMatch(/^\P{Control}+$/u);
});

test('differences are told field by field', () => {
  const found = differences(AgentRunResult, {
    workflowId: 'w',
    stepId: 's',
    runId: 'seven',
    status: 'done',
    output: [],
    usage: [{ provider: 'p', model: 'm', inputTokens: -1, outputTokens: 0, costUsd: 0 }],
  });
  expect(found.map(({ field, saw }) => [field, saw])).toEqual([
    ['runId', 'seven'],
    ['status', 'done'],
    ['output', '[]'],
    ['durationMs', 'missing'],
    ['usage.0.inputTokens', '-1'],
  ]);
  expect(tell(found)).toContain('status: done, expected "success" or "error" or "timeout"');
  expect(tell(found)).toContain('durationMs: missing, expected number');
});

test('docs/agent-check.md names every check, and whether it is required', async () => {
  const text = await readFile(join(__dirname, '../../docs/agent-check.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([\w-]+)` +\| (required|optional) /gm)].map(([, id, kind]) => [
    id,
    kind,
  ]);
  expect(rows).toEqual(CHECKS.map(({ id, required }) => [id, required ? 'required' : 'optional']));
});
