/** More work at once than there is room for: it waits, nothing of it is done twice, and nothing fails for that. */
import type { AgentRunRequest } from '../../src/contract';
import { DEFAULT_LIMITS } from '../../src/domain/limits';
import type { SendAnswer } from '../../src/engine/ports';
import { startApi, type Api } from '../http/support/api';
import { text } from '../http/support/client';
import { until } from '../support/until';

/** As many as may be on their way to one address. */
const SENDING = 128;
const SLOTS = 150;
const RUNS = 200;

const INPUT = {
  agents: [
    { id: 'busy', name: 'Busy', capsuleId: 'cap-busy', baseUrl: 'http://localhost:3101', concurrency: SLOTS },
  ],
  workflows: [{ id: 'work', name: 'Work', steps: [{ id: 'only', agent: 'busy', timeoutSeconds: 3_600 }] }],
};

let api: Api;
/** Jobs that were sent, and what answers each. */
let sent: AgentRunRequest[];
let answers: Array<(answer: SendAnswer) => void>;
beforeEach(async () => {
  api = await startApi({ registry: { input: INPUT, env: {} } });
  sent = [];
  answers = [];
  await api.deliver(await first());
  api.cloud.agents.run = (_url, job) => {
    sent.push(job);
    return new Promise((resolve) => answers.push(resolve));
  };
});
afterEach(async () => {
  for (const answer of answers) answer({ kind: 'accepted' });
  await api.close();
});

const begin = async (): Promise<string> => text((await api.startRun('work')).body['id']);
const beginAll = () => Promise.all(Array.from({ length: RUNS }, begin));
/** The capsule is awake after it. */
const first = async () => {
  await begin();
  return api.cloud.nextJob();
};
const stepOf = async (runId: string) => (await api.store.run(runId))?.state.steps[0];
const count = async (runs: string[], status: string) =>
  (await Promise.all(runs.map(stepOf))).filter((step) => step?.status === status).length;
const actions = async (action: string) =>
  (await api.store.ledger(0, 10_000)).filter(({ body }) => body.includes(`"action":"${action}"`)).length;

it('sends so many at a time, and the others when those were answered', async () => {
  const runs = await beginAll();
  await until(() => sent.length >= SENDING, { what: 'jobs on their way' });
  expect([sent.length, await count(runs, 'dispatching')]).toEqual([SENDING, SLOTS]);
  for (const answer of answers.splice(0)) answer({ kind: 'accepted' });
  await until(() => sent.length === SLOTS, { what: 'the others' });
  expect(new Set(sent.map((job) => job.runId)).size).toBe(SLOTS);
});

it('does not send what was cancelled while it waited for its turn', async () => {
  const runs = await beginAll();
  await until(() => sent.length >= SENDING, { what: 'jobs on their way' });
  const begun = new Set(sent.map((job) => job.runId));
  const last = runs.filter((id) => !begun.has(id));
  for (const id of last) await api.call('POST', `/runs/${id}/cancel`);
  for (const answer of answers.splice(0)) answer({ kind: 'accepted' });
  const known = async () => {
    api.clock.advance(50);
    return (await count(runs, 'running')) === SENDING;
  };
  await until(known, { what: 'work' });
  expect(sent).toHaveLength(SENDING);
});

it('puts what waited too long for its turn back in line, as the same attempt', async () => {
  const runs = await beginAll();
  await until(() => sent.length >= SENDING, { what: 'jobs on their way' });
  api.clock.advance(DEFAULT_LIMITS.claimMs - DEFAULT_LIMITS.sendTimeoutMs + 1);
  for (const answer of answers.splice(0)) answer({ kind: 'accepted' });
  // It stands where it stood: its slot is given to it again, and nobody keeps it from its turn now.
  await until(() => sent.length === SLOTS, { what: 'the others' });
  expect(await actions('run.held')).toBe(SLOTS - SENDING);
  const steps = await Promise.all(runs.map(stepOf));
  expect(steps.filter((step) => step?.attempt !== 1 || step.history.length > 0)).toEqual([]);
});

it('holds back what there was no connection for while it might be sent: that is no failure of the agent', async () => {
  let refusals = 0;
  const run = api.cloud.agents.run.bind(api.cloud.agents);
  api.cloud.agents.run = async (...call) => {
    refusals += 1;
    return refusals <= 10 ? { kind: 'not-sent' } : run(...call);
  };
  const id = await begin();
  await until(() => sent.length === 1, { what: 'the job' });
  expect(await actions('run.held')).toBe(2);
  expect(await stepOf(id)).toMatchObject({ attempt: 1, sends: 1, history: [] });
});

it('gives what became free meanwhile to all who wait for it, in one look', async () => {
  await beginAll();
  for (let seen = 0; seen < SLOTS; seen = sent.length) {
    await until(() => sent.length > seen, { what: 'more jobs' });
    for (const answer of answers.splice(0)) answer({ kind: 'accepted' });
  }
  const look = api.store.grantable.bind(api.store);
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const looks = jest.spyOn(api.store, 'grantable').mockImplementation(async (capsuleId) => {
    await answered;
    return look(capsuleId);
  });
  await Promise.all(sent.slice(0, RUNS - SLOTS).map((job) => api.deliver(job)));
  answer();
  await until(() => sent.length === RUNS, { what: 'the rest' });
  expect(looks).toHaveBeenCalledTimes(2);
  expect(await actions('run.slot')).toBe(1 + RUNS - SLOTS);
});
