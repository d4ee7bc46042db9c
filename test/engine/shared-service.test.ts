/** Agents that share an outside service: its tokens go to the highest priority first, whichever agent that works for. */
import { startApi, type Api } from '../http/support/api';
import { text } from '../http/support/client';
import { until } from '../support/until';

const agent = (id: string) => ({
  ...{ id, name: id, capsuleId: `cap-${id}`, baseUrl: 'http://localhost:3101', uses: ['search'] },
  ...{ concurrency: 5, lingerSeconds: 3_600 },
});
const workflow = (id: string, of: string, priority: number) => ({
  ...{ id, name: id, priority, steps: [{ id: 'only', agent: of, timeoutSeconds: 3_600 }] },
});
const INPUT = {
  agents: [agent('one'), agent('two')],
  // One task a minute, of all agents together.
  services: [{ id: 'search', perMinute: 1, burst: 1 }],
  workflows: [workflow('low', 'one', 0), workflow('high', 'two', 10), workflow('middle', 'one', 5)],
};

let api: Api;
beforeEach(async () => void (api = await startApi({ registry: { input: INPUT, env: {} } })));
afterEach(() => api.close());

const begin = async (workflowId: string): Promise<string> =>
  text((await api.startRun(workflowId)).body['id']);
const waiting = async (runId: string) =>
  (await api.store.run(runId))?.state.steps.every(({ status }) => status === 'waiting');
/** The next job, once its time has come, and who has it. */
async function next(): Promise<string> {
  await until(async () => {
    api.clock.advance(20_000);
    await api.engine.tick();
    return api.cloud.jobsWaiting > 0;
  });
  const job = await api.cloud.nextJob();
  await api.deliver(job);
  return job.workflowId;
}

it('is given to whoever has the highest priority, and then to who came first', async () => {
  // Both capsules are awake, and the token of this minute is taken.
  for (const workflowId of ['low', 'high']) {
    await begin(workflowId);
    expect(await next()).toBe(workflowId);
  }
  const runs = [await begin('low'), await begin('middle'), await begin('high'), await begin('low')];
  await until(async () => (await Promise.all(runs.map(waiting))).every(Boolean), { what: 'a line' });
  const served: string[] = [];
  for (let n = 0; n < runs.length; n += 1) served.push(await next());
  expect(served).toEqual(['high', 'middle', 'low', 'low']);
});
