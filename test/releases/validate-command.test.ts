/** `reveille release create --validate` and `release validate` as a person types them, with the template agent. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cliOf } from '../cli/support/cli';
import { startApi, type Api } from '../http/support/api';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { confinement } from '../../src/releases/sandbox/confine';

const TEMPLATE = resolve(__dirname, '../../agents/_template');
const SUITE = `cases:
  - name: greets by name
    input: { name: Ada }
    checks:
      - rule: { path: output.greetings.0, equals: 'Hello, Ada!' }
`;
const isCut = confinement(true).gaps.length === 0;

const processes = useProcesses();
let api: Api;
let root: string;
let remove: () => Promise<void>;
let folder: string;
const { cli } = cliOf(processes, () => ({ REVEILLE_URL: `http://127.0.0.1:${api.port}` }));
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', folder, ...args]);

beforeAll(async () => {
  const agent = { id: 'greeter', name: 'Greeter', capsuleId: 'cap', baseUrl: 'http://localhost:3101' };
  const workflow = {
    ...{ id: 'greet', name: 'Greet', input: { times: 2 } },
    schedule: { cron: '0 9 * * 1', timezone: 'UTC' },
    steps: [{ id: 'greet', agent: 'greeter' }],
  };
  api = await startApi({ registry: { input: { agents: [agent], workflows: [workflow] }, env: {} } });
  ({ path: root, remove } = await temporaryFolder());
  folder = join(root, 'greeter');
  const isPart = (path: string) => !/\/(node_modules|src|test)(\/|$)/.test(path.slice(TEMPLATE.length));
  cpSync(TEMPLATE, folder, { recursive: true, filter: isPart });
  mkdirSync(join(folder, 'evals'));
  writeFileSync(join(folder, 'evals/greets.yaml'), SUITE);
  mkdirSync(join(folder, 'prompts'));
  writeFileSync(join(folder, 'prompts/system.md'), 'Be kind.');
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'first');
});
afterAll(async () => {
  await api.close();
  await remove();
});

const post = (path: string, json: object) => api.call('POST', path, { json });

it('judges a release stage by stage, tells the orchestrator, and lets a changed prompt into production by that', async () => {
  const created = await cli(['release', 'create', 'greeter', '--folder', folder, '--validate']);
  const [id = ''] = created.text.split('\n');
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  const lines = (text: string) =>
    Object.fromEntries(
      [...text.matchAll(/^[✓✗?] (\w+) +(\w+) +\d+\.\d\d s {2}(.+)$/gm)].map(
        ([, stage = '', verdict = '', reason = '']): [string, string] => [stage, `${verdict}: ${reason}`],
      ),
    );
  const sandboxed = isCut ? /^pass: booted in \d+ ms, cut off; \d+ required checks/ : /^inconclusive: /;
  expect(lines(created.text)).toEqual({
    static: 'pass: 5 checks',
    sandbox: expect.stringMatching(sandboxed) as string,
    contract: 'pass: it fits the step that uses it',
    resources: expect.stringMatching(/^pass: boot in \d+ ms, .*there is no profile before it/) as string,
    evals: 'pass: greets: 1 of 1 passed',
  });
  expect(created.code).toBe(isCut ? 0 : 7);
  const { items } = (await api.call('GET', `/releases/${id}/verdicts`)).body as unknown as {
    items: Array<{ stage: string }>;
  };
  expect(items.map((v) => v.stage).sort()).toEqual(['contract', 'evals', 'resources', 'sandbox']);
  const deploy = (releaseId: string) =>
    post('/deployments', { agentId: 'greeter', releaseId, environment: 'production' });
  expect((await deploy(id)).status).toBe(200);

  writeFileSync(join(folder, 'prompts/system.md'), 'Be brief.');
  const other = await cli(['release', 'validate', id, '--folder', folder]);
  expect(other).toMatchObject({
    code: 2,
    text: expect.stringContaining('holds what is not committed') as string,
  });
  git('commit', '-qam', 'second');
  const elsewhere = await cli(['release', 'validate', id, '--folder', folder]);
  expect(elsewhere.code).toBe(2);
  expect(elsewhere.text).toContain(`is not release ${id.slice(0, 12)}: it would be `);

  const [second = ''] = (await cli(['release', 'create', 'greeter', '--folder', folder])).text.split('\n');
  const refused = await deploy(second);
  expect(refused.status).toBe(409);
  expect(JSON.stringify(refused.body)).toContain('evals: there is no verdict');
  const judged = await cli(['release', 'validate', second, '--folder', folder, '--json']);
  const stages = judged.text
    .split('\n')
    .flatMap((line) =>
      line.startsWith('{') ? [JSON.parse(line) as { stage: string; verdict: string }] : [],
    );
  expect(stages.map((s) => s.stage)).toEqual(['static', 'sandbox', 'contract', 'resources', 'evals']);
  expect((await deploy(second)).status).toBe(200);

  // A worse one is told so, and stays out.
  appendFileSync(
    join(folder, 'evals/greets.yaml'),
    SUITE.slice('cases:\n'.length).replace(/Hello/, 'Bye').replace('by name', 'rudely'),
  );
  writeFileSync(join(folder, 'prompts/system.md'), 'Be rude.');
  git('commit', '-qam', 'third');
  const third = await cli(['release', 'create', 'greeter', '--folder', folder, '--validate']);
  expect(third.code).toBe(1);
  expect(third.text).toMatch(
    /✗ evals +fail .*greets: 1 of 2 passed; greets rudely: rule: output.greetings.0 is "Hello, Ada!"/,
  );
  expect(third.text).toMatch(/Release [0-9a-f]{12} failed: evals\./);
  expect((await deploy(third.text.split('\n')[0] ?? '')).status).toBe(409);
});
