/** `reveille agent check` as a person or a pipeline runs it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../../src/agent-check';
import { INPUTS, SECRET, SmallAgent } from '../support/broken-agents/agent';
import type { Behaviour } from '../support/broken-agents/behaviour';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { useProcesses, type ProcessOptions } from '../support/processes';

const processes = useProcesses();
const agents: SmallAgent[] = [];
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let input: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  input = join(folder.path, 'inputs.json');
  await writeFile(input, JSON.stringify(INPUTS));
});
afterAll(async () => {
  await folder.remove();
  await Promise.all(agents.map((agent) => agent.stop()));
});

async function start(behaviour: Partial<Behaviour> = {}): Promise<string> {
  const agent = new SmallAgent(behaviour);
  agents.push(agent);
  return agent.start();
}

async function run(args: string[], env: ProcessOptions['env'] = {}) {
  const options = { cwd: join(__dirname, '../..'), env: { AGENT_SECRET: undefined, NO_COLOR: '1', ...env } };
  const child = await processes.startScript('src/cli/index.ts', ['agent', 'check', ...args], options);
  const { code } = await child.exited;
  return { code, output: child.output() };
}

test('a good agent: a line for each check, a score, and exit code 0', async () => {
  const { code, output } = await run([await start(), '--input', input], { AGENT_SECRET: SECRET });
  expect(output).toMatch(/^✓ health +GET \/health says that it is well \(\d+ ms\)$/m);
  expect(output).toMatch(/^✓ signature /m);
  expect(output).not.toMatch(/^[✗–]/m);
  expect(output).toMatch(/^compatible: required (\d+)\/\1, optional (\d+)\/\2, in [\d.]+ s$/m);
  expect(output).not.toContain(SECRET);
  expect(code).toBe(0);
});

test('a required check that fails: what was seen, what was expected, how to mend it, exit code 1', async () => {
  const url = await start({ accepted: { status: 200, body: { accepted: true } } });
  const { code, output } = await run([url, '--only', 'run,boot-id']);
  expect(output).toMatch(
    /^✗ run .*\n +saw +POST \/run answered HTTP 200 .*\n +expected +HTTP 202 .*\n +mend +Answer 202 /m,
  );
  expect(output).toMatch(/^not compatible: required 0\/1 \(1 failed\), optional 1\/1/m);
  expect(code).toBe(1);
});

test('an optional check that fails leaves the exit code 0', async () => {
  const url = await start({ result: ({ attempt: _, ...good }) => good });
  const { code, output } = await run([url, '--input', input, '--only', 'next-attempt']);
  expect(output).toMatch(/^✗ next-attempt /m);
  // What it needs is checked with it.
  expect(output).toMatch(/^✓ idempotent /m);
  expect(code).toBe(0);
});

test('--strict: a required check that was not made counts as failed', async () => {
  const url = await start();
  const lax = await run([url, '--only', 'busy,timeout']);
  expect(lax.output).toMatch(/^– busy .*\(add "slow" to agent\.check\.json/m);
  expect(lax.output).toMatch(/^– timeout .*\(for the same reason\)$/m);
  expect(lax.output).toMatch(/compatible as far as it was checked: required 0\/2 \(2 not checked\)/);
  expect(lax.code).toBe(0);
  expect((await run([url, '--only', 'busy', '--strict'])).code).toBe(1);
});

test('--json: one document, the secret from the variable that is named', async () => {
  const url = await start({ sign: () => ({}) });
  const args = [url, '--input', input, '--only', 'signature', '--json', '--secret-env', 'ITS_KEY'];
  const { code, output } = await run(args, { ITS_KEY: SECRET });
  const report = JSON.parse(output) as Report;
  expect(report).toMatchObject({
    agent: url,
    compatible: false,
    score: { required: { passed: 0, failed: 1, total: 1 } },
    checks: [
      { id: 'signature', required: true, outcome: { kind: 'fail', mend: expect.any(String) as string } },
    ],
  });
  expect(output).not.toContain(SECRET);
  expect(code).toBe(1);
});

describe('exit code 2', () => {
  test('when nothing answers', async () => {
    const { code, output } = await run([`http://127.0.0.1:${await freePort()}`]);
    expect(output).toMatch(/^No agent answers at .*connection refused.*Start it/);
    expect(code).toBe(2);
  });

  test.each([
    ['an address that is none', ['agent.local'], /http or https/],
    ['an unknown check', ['http://localhost:1', '--only', 'helth'], /no check helth/],
    [
      'an input file that is not there',
      ['http://localhost:1', '--input', '/nowhere.json'],
      /nowhere\.json cannot be read/,
    ],
    [
      'a variable that is not set',
      ['http://localhost:1', '--secret-env', 'NO_SUCH_KEY'],
      /NO_SUCH_KEY is not set/,
    ],
    ['a remote agent and no way back', ['http://agent.example'], /--listen .* --public-url/],
    [
      'every address without a public one',
      ['http://agent.example', '--listen', '0.0.0.0:4000'],
      /--public-url/,
    ],
  ])('on %s', async (_, args, message) => {
    const { code, output } = await run(args);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/\n +at /);
    expect(code).toBe(2);
  });
});
