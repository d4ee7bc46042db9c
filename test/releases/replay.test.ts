/** Replay in the sandbox, with agents that know nothing of records: nothing outside is reached, whatever they do. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { EXACT } from '../../src/domain/rollout/tolerance';
import { REPLAY_SINCE_MS } from '../../src/domain/rollout/strategy';
import { replayInSandbox, type SandboxTask } from '../../src/releases/replay';
import { confinement } from '../../src/releases/sandbox/confine';
import { writeRecordings } from '../../src/releases/sandbox/outside/recordings';
import type { Recording } from '../../src/releases/sandbox/outside/calls';
import { temporaryFolder } from '../support/folders';
import { writeAgent, type AgentFiles } from './support/agents';

const TASKS = 10;
const isCut = confinement(true).isCut;
const wish = {
  ...{ tasks: TASKS, sinceMs: REPLAY_SINCE_MS, margin: 0.4, tolerance: EXACT },
  compare: ['output_equivalence', 'performance_metrics', 'resource_usage'] as const,
};
const taskOf = (n: number): SandboxTask => ({
  ...{ runId: randomUUID(), attempt: 1, input: { name: `guest ${n}` }, timeoutSeconds: 20 },
  calls: [],
  delivered: { ok: true, output: { greeting: `Hello, guest ${n}!` }, durationMs: 1_000, costUsd: 0.01 },
});

let root: string;
let remove: () => Promise<void>;
let agents = 0;
beforeAll(async () => ({ path: root, remove } = await temporaryFolder()));
afterAll(() => remove());

const GREETING = 'return { greeting: `Hello, ${input.name}!` };';
const replayed = async (agent: AgentFiles, recordings: readonly Recording[] = []) => {
  const written = writeAgent(root, `agent-${(agents += 1)}`, agent);
  await writeRecordings(written.folder, recordings);
  const tasks = Array.from({ length: TASKS }, (_, n) => taskOf(n));
  const replay = { ...written, wish, incumbent: 'a'.repeat(64), tasks, removed: 0, llm: 'replay' as const };
  return replayInSandbox(replay).catch((error: Error) => error.message);
};
const recorded = {
  request: { method: 'GET', url: 'http://crm.example/guests' },
  answers: [{ status: 200, headers: {}, encoding: 'utf8' as const, body: 'Hello' }],
};
const asking = (mend: string) =>
  `const answer = await fetch('http://crm.example/guests')${mend}; const word = (await answer.text()).slice(0, 5); return { greeting: \`\${word}, \${input.name}!\` };`;

it.each<[string, AgentFiles, readonly Recording[], 'pass' | 'fail' | 'inconclusive', RegExp]>([
  ['delivers the same', { job: GREETING }, [], 'pass', /something else in 0 of 10/],
  [
    'delivers something else',
    { job: 'return { greeting: input.name };' },
    [],
    'fail',
    /something else in 10 of 10 tasks, at greeting/,
  ],
  [
    'costs more',
    {
      job: `return { ...(() => { ${GREETING} })(), usage: [{ provider: 'p', model: 'm', inputTokens: 1, outputTokens: 1, costUsd: 1 }] };`,
    },
    [],
    'fail',
    /cost more in 10 of 10/,
  ],
  ['fails', { job: "throw new Error('no');" }, [], 'fail', /something else in 10 of 10/],
  [
    'asks outside for what is on record',
    { job: asking('') },
    [recorded],
    'pass',
    /10 calls outside answered/,
  ],
  [
    'asks outside for what is not',
    { job: asking('') },
    [],
    'inconclusive',
    /10 asked for what had not been recorded.*refused outside: GET http:\/\/crm.example\/guests/,
  ],
  [
    'goes on where it was refused',
    { job: asking(".then(() => new Response('Hello'))") },
    [],
    'inconclusive',
    /10 asked for/,
  ],
  ['does not boot', { procfile: 'web: node nothing.js\n' }, [], 'fail', /^it did not boot/],
])('an agent that %s', async (_, agent, recordings, verdict, reason) => {
  const stage = await replayed(agent, recordings);
  if (!isCut) return void expect(stage).toContain('its network is not cut off');
  expect(stage).toMatchObject({ stage: 'replay', verdict, reason: expect.stringMatching(reason) as string });
});

it('reaches nothing of this machine, and is given no key of it', async () => {
  const seen: string[] = [];
  const server = createServer((req, res) => {
    seen.push(req.url ?? '');
    res.end('Hello');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  process.env['API_TOKEN'] = 'canary-token-of-the-author';
  try {
    const job = `const word = await fetch('http://127.0.0.1:${port}/').then((r) => r.text(), () => 'Hello'); return { greeting: \`\${word}, \${input.name}!\${process.env.API_TOKEN === 'canary-token-of-the-author' ? ' I know.' : ''}\` };`;
    const stage = await replayed({ job });
    if (isCut) expect(stage).toMatchObject({ verdict: 'pass' });
    expect(seen).toEqual([]);
  } finally {
    delete process.env['API_TOKEN'];
    server.close();
  }
});

it('tells what it is going to take, and that there was nothing to do', async () => {
  const written = writeAgent(root, 'idle', {});
  const stage = await replayInSandbox({
    ...{ ...written, wish, incumbent: 'a'.repeat(64), tasks: [], removed: 3, llm: 'replay' },
  });
  expect(stage).toMatchObject({ verdict: 'inconclusive', report: { against: 'a'.repeat(64) } });
  expect(stage.reason).toContain('did no task in the last 30 days that could be replayed, and 3 more');
});
