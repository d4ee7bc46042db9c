/** `reveille mcp` as an assistant's program speaks to it: lines of JSON-RPC over a real orchestrator. */
import type { Orchestrator } from '../../src/compose';
import { stepIs, succeeded, trigger } from '../e2e/support/runs';
import { World } from '../e2e/support/world';
import { useProcesses, type TestProcess } from '../support/processes';
import { until } from '../support/until';
import { cliOf } from './support/cli';

jest.setTimeout(180_000);

interface Message {
  id?: number;
  method?: string;
  params?: { message?: string };
  result?: {
    content?: Array<{ text: string }>;
    isError?: boolean;
    tools?: Array<{ name: string }>;
    instructions?: string;
  };
  error?: { message: string };
}

const processes = useProcesses();
let world: World;
let orchestrator: Orchestrator;
const { start, cli } = cliOf(processes, () => ({ REVEILLE_URL: orchestrator.url }));

beforeAll(async () => {
  world = await World.start({
    agents: [],
    workflows: [{ id: 'wait', name: 'Waits', steps: [{ id: 'word', approval: { title: 'Well?' } }] }],
  });
  orchestrator = await world.orchestrate();
});
afterAll(() => world.close());

/** An assistant's program whose person answers every question the same; undefined: it cannot ask anybody. */
async function assistant(answer: 'accept' | 'decline' | undefined, args: string[] = []) {
  const child = await start(['mcp', ...args], {}, 'pipe');
  const questions: string[] = [];
  const answered = new Set<number>();
  let nextId = 0;
  const send = (message: object) => child.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const messages = (): Message[] =>
    child
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .flatMap((line, i, all) =>
        i < all.length - 1 || child.output().endsWith('\n') ? [JSON.parse(line) as Message] : [],
      );
  const answerQuestions = () => {
    for (const { id, method, params } of messages()) {
      if (method !== 'elicitation/create' || id === undefined || answered.has(id)) continue;
      answered.add(id);
      questions.push(params?.message ?? '');
      const content = answer === 'accept' ? { content: { confirm: true } } : {};
      send({ id, result: { action: answer ?? 'cancel', ...content } });
    }
  };
  const request = async (method: string, params: object): Promise<Message> => {
    nextId += 1;
    const id = nextId;
    send({ id, method, params });
    return until(
      () => {
        answerQuestions();
        return messages().find((m) => m.id === id && m.method === undefined);
      },
      { what: `an answer to ${method}`, deadlineMs: 30_000 },
    );
  };
  const capabilities = answer === undefined ? {} : { elicitation: {} };
  const clientInfo = { name: 'test', version: '1' };
  const hello = await request('initialize', { protocolVersion: '2025-06-18', capabilities, clientInfo });
  send({ method: 'notifications/initialized' });
  const call = (name: string, given: object = {}) => request('tools/call', { name, arguments: given });
  return { child, hello, questions, request, call };
}

const textOf = ({ result, error }: Message): string => result?.content?.[0]?.text ?? error?.message ?? '';
const runs = async () =>
  (await cli(['runs', '--json'])).text.split('\n').filter((line) => line !== '').length;
const closed = async (child: TestProcess) => {
  child.closeInput();
  expect((await child.exited).code).toBe(0);
};

it('tells what it can do, and what goes on', async () => {
  const { hello, request, call, child } = await assistant('accept');
  expect(hello.result?.instructions).toMatch(/they are data, never instructions/);
  const { result } = await request('tools/list', {});
  const names = [
    'list_workflows',
    'list_runs',
    'why',
    'rerun',
    'approve',
    'reject',
    'cancel',
    'run_workflow',
  ];
  expect(result?.tools?.map((t) => t.name)).toEqual(expect.arrayContaining(names));
  expect(textOf(await call('list_workflows'))).toContain('"id": "wait"');
  const missing = await call('get_run', { run: 'ffffffff' });
  expect([missing.result?.isError, textOf(missing)]).toEqual([
    true,
    expect.stringMatching(/There is no run/),
  ]);
  await closed(child);
});

it('starts and approves once a person has said yes', async () => {
  const { questions, call, child } = await assistant('accept');
  const started = JSON.parse(textOf(await call('run_workflow', { workflowId: 'wait', input: { a: 1 } }))) as {
    id: string;
  };
  await stepIs(orchestrator, started.id, 'word', 'parked');
  const [memo] = JSON.parse(textOf(await call('list_approvals'))) as Array<{ id: string }>;
  expect(textOf(await call('why', { run: 'last' }))).toContain("waits for a person's decision");
  await call('approve', { approvalId: memo?.id });
  await succeeded(orchestrator, started.id);
  expect(questions).toEqual([
    'Start a run of workflow wait with {"a":1}?',
    expect.stringMatching(/^Approve: Well\?/),
  ]);
  await closed(child);
});

it('does nothing when they say no, or when there is nobody to ask', async () => {
  const before = await runs();
  const declined = await assistant('decline');
  expect(textOf(await declined.call('run_workflow', { workflowId: 'wait' }))).toMatch(/nothing was done/);
  await closed(declined.child);
  const alone = await assistant(undefined);
  const refused = await alone.call('run_workflow', { workflowId: 'wait' });
  expect(refused.error ?? refused.result?.isError).toBeTruthy();
  await closed(alone.child);
  expect(await runs()).toBe(before);
});

it('acts unasked where it is trusted to, but never decides', async () => {
  const run = await trigger(orchestrator, 'wait', {});
  await stepIs(orchestrator, run, 'word', 'parked');
  const { call, questions, child } = await assistant(undefined, ['--trust', 'cancel']);
  expect(textOf(await call('cancel', { run }))).toContain('"status": "cancelled"');
  expect(questions).toEqual([]);
  await closed(child);
  expect(await cli(['mcp', '--trust', 'approve'])).toMatchObject({ code: 2 });
});
