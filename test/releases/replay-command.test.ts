/** `reveille release replay` as a person types it: the template agent in the sandbox, and a rollout that waits for it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AgentRunResult } from '../../src/contract';
import { confinement } from '../../src/releases/sandbox/confine';
import { cliOf } from '../cli/support/cli';
import { startApi, type Api } from '../http/support/api';
import { text } from '../http/support/client';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';

const TEMPLATE = resolve(__dirname, '../../agents/_template');
const TASKS = 8;
const isCut = confinement(true).isCut;

const processes = useProcesses();
let api: Api;
let root: string;
let remove: () => Promise<void>;
let folder: string;
let strategy: string;
let first: string;
const { cli } = cliOf(processes, () => ({ REVEILLE_URL: `http://127.0.0.1:${api.port}` }));
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', folder, ...args]);
const post = (path: string, json: object) => api.call('POST', path, { json });

beforeAll(async () => {
  const agent = { id: 'greeter', name: 'Greeter', capsuleId: 'cap', baseUrl: 'http://localhost:3101' };
  const workflow = { id: 'greet', name: 'Greet', steps: [{ id: 'greet', agent: 'greeter' }] };
  const spare = { capsuleId: 'cap-2', baseUrl: 'http://localhost:3102' };
  const agents = [{ ...agent, spares: [spare] }];
  api = await startApi({ registry: { input: { agents, workflows: [workflow] }, env: {} } });
  ({ path: root, remove } = await temporaryFolder());
  folder = join(root, 'greeter');
  const isPart = (path: string) => !/\/(node_modules|src|test)(\/|$)/.test(path.slice(TEMPLATE.length));
  cpSync(TEMPLATE, folder, { recursive: true, filter: isPart });
  mkdirSync(join(folder, 'prompts'));
  git('init', '-q');
  first = await released('Be kind.');
  expect((await post('/deployments', { agentId: 'greeter', releaseId: first })).status).toBe(200);
  await until(async () => (await stable()) === first, { what: 'the first release at work' });
});
afterAll(async () => {
  await api.close();
  await remove();
});

/** Puts what has this prompt on record. */
async function released(prompt: string): Promise<string> {
  writeFileSync(join(folder, 'prompts/system.md'), prompt);
  git('add', '.');
  git('commit', '-qm', prompt);
  return (await cli(['release', 'create', 'greeter', '--folder', folder])).text.split('\n')[0] ?? '';
}

async function stable(): Promise<string | undefined> {
  return (await api.engine.releases.load('greeter', api.engine.releases.environment)).stable;
}

/** The incumbent greets people in words that no code of the template has. */
async function greet(who: string, toolCalls: boolean): Promise<void> {
  await api.startRun('greet', { json: { input: { name: who } } });
  const job = await api.cloud.nextJob();
  const greeting = `Ahoy, ${who}!`;
  const call = { name: 'greet', params: { name: who }, result: greeting, latencyMs: 1 };
  const change: Partial<AgentRunResult> = {
    ...{ output: { greetings: [greeting] }, durationMs: 20_000 },
    ...(toolCalls && { toolCalls: [{ ...call, at: '2026-01-05T00:00:00.000Z' }] }),
  };
  expect((await api.deliver(job, change)).status).toBe(200);
  await api.engine.tasks.idle();
}

const rolloutOf = async (id: string) =>
  (await api.call('GET', `/rollouts/${id}`)).body as Record<string, unknown>;

/** Where a machine lets nobody cut off a network, nothing is begun. */
function refusedFor({ code, text }: { code: number | null; text: string }): void {
  expect(code).toBe(1);
  expect(text).toContain('The replay could not be done: its network is not cut off');
}

it('does past tasks without anything outside, and the rollout that waits for it goes on', async () => {
  for (let n = 0; n < TASKS; n += 1) await greet(`guest ${n}`, true);
  strategy = join(root, 'rollout.yaml');
  const stages = `stages: [{ replay: { tasks: ${TASKS}, where: sandbox } }, { switch: instant }]`;
  writeFileSync(strategy, `strategy: blue-green\n${stages}\n`);
  const second = await released('Be brief.');
  const deployment = {
    strategy: 'blue-green',
    stages: [{ replay: { tasks: TASKS, where: 'sandbox' } }, { switch: 'instant' }],
  };
  const begun = await post('/deployments', { agentId: 'greeter', releaseId: second, deployment });
  const id = text(begun.body['id']);
  expect(await rolloutOf(id)).toMatchObject({
    status: 'gating',
    waitsFor: expect.stringContaining(`reveille release replay ${second.slice(0, 12)}`) as string,
  });
  const replay = ['release', 'replay', second, '--strategy', strategy, '--folder', folder];
  const done = await cli(replay);
  expect(done.text).toContain(`${TASKS} tasks of ${first.slice(0, 12)}: about 3 min and 0.00 USD`);
  if (!isCut) return refusedFor(done);
  expect(done.text).toMatch(/✓ replay +pass .*delivered something else in 0 of 8 tasks/);
  expect(done.code).toBe(0);
  await api.engine.tick();
  await until(async () => (await stable()) === second, { what: 'the second release at work' });
  expect(await rolloutOf(id)).toMatchObject({ waitsFor: null, verdicts: [{ verdict: 'pass' }, {}] });
  const { items } = (await api.call('GET', `/releases/${second}/verdicts`)).body as unknown as {
    items: Array<{ stage: string; evidence: string }>;
  };
  expect(items).toMatchObject([{ stage: 'replay', verdict: 'pass' }]);
  const evidence = await api.call('GET', `/releases/${second}/evidence/${items[0]?.evidence}`);
  expect(evidence.body).toMatchObject({
    report: { against: first, outcomes: { same: TASKS }, outside: { answered: 0, refused: [] } },
  });
});

it('refuses what was not recorded, and takes no side by it', async () => {
  // What is stable now has done nothing that was recorded.
  for (let n = 0; n < TASKS; n += 1) await greet(`stranger ${n}`, n < 2);
  const third = await released('Be silent.');
  const replay = ['release', 'replay', third, '--strategy', strategy, '--folder', folder, '--json'];
  const done = await cli(replay);
  if (!isCut) return refusedFor(done);
  expect(done.code).toBe(7);
  expect(done.text).toContain('6 asked for what had not been recorded, and were refused');
  const told = await cli(['release', 'replay', third, '--strategy', 'direct', '--folder', folder]);
  expect(told.text).toContain('The strategy replays nothing');
  const llm = await cli(['release', 'replay', third, '--strategy', strategy, '--llm', 'fake']);
  expect(llm.text).toContain('made-up answers tell nothing');
});

it('tells one task of the past, and of nothing else', async () => {
  const body = {
    agentId: 'greeter',
    releaseId: first,
    deployment: { strategy: 'blue-green', stages: [{ replay: 2 }, { switch: 'instant' }] },
  };
  const { items } = (await post('/deployments/replay-tasks', body)).body as unknown as {
    items: Array<{ runId: string; stepId: string; attempt: number }>;
  };
  expect(items).toHaveLength(2);
  const { runId, stepId, attempt } = items[0] ?? { runId: '', stepId: '', attempt: 0 };
  const task = await api.call('GET', `/runs/${runId}/steps/${stepId}/attempts/${attempt}`);
  expect(task.body).toMatchObject({
    ...{
      agentId: 'greeter',
      input: { name: expect.stringMatching(/^stranger/) as string },
      calls: expect.any(Array) as unknown[],
    },
    delivered: { ok: true, output: { greetings: [expect.any(String)] }, durationMs: 20_000 },
  });
  const none = await api.call('GET', `/runs/${runId}/steps/${stepId}/attempts/9`);
  expect(none.body).toMatchObject({ code: 'attempt-not-found', status: 404 });
  const report = { against: first };
  const verdict = { stage: 'replay', verdict: 'pass', reason: 'so', durationMs: 1, report };
  const refused = await post(`/releases/${first}/verdicts`, verdict);
  expect(refused.body).toMatchObject({
    status: 400,
    detail: expect.stringContaining('body.report') as string,
  });
});
