/** `reveille runs` and `reveille why` as a person types them, over a real orchestrator. */
import { resolve } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import { ended, stepIs } from '../e2e/support/runs';
import { World } from '../e2e/support/world';
import { useProcesses } from '../support/processes';

const CLI = resolve(__dirname, '../../src/cli/index.ts');
const KEY = 'key-canary-0123456789abcdef';

/** Each command is a process that compiles itself first; a busy machine takes its time. */
jest.setTimeout(180_000);

const processes = useProcesses();
let world: World;
let orchestrator: Orchestrator;
beforeAll(async () => {
  world = await World.start({
    agents: [],
    workflows: [
      {
        id: 'one',
        name: 'One at a time',
        steps: [{ id: 'word', approval: { title: 'Done?' } }],
        concurrency: { limit: 1 },
      },
    ],
  });
  orchestrator = await world.orchestrate({ env: { API_KEYS: KEY, HOST: '127.0.0.1' } });
});
afterAll(() => world.close());

async function cli(...args: string[]): Promise<{ code: number | null; text: string }> {
  const child = await processes.startScript(CLI, args, {
    env: { NO_COLOR: '1', REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: KEY },
  });
  const { code } = await child.exited;
  return { code, text: child.output() };
}

/** Starts a run and answers its id. */
async function started(...args: string[]): Promise<string> {
  const { code, text } = await cli('runs', 'start', 'one', '--json', ...args);
  expect([code, text]).toEqual([0, expect.any(String)]);
  return (JSON.parse(text) as { id: string }).id;
}

it('starts, lists, shows, explains, cancels and reruns', async () => {
  const first = await started('--input', '{"site":"a"}');
  await stepIs(orchestrator, first, 'word', 'parked');
  const second = await started();

  const list = await cli('runs', '--workflow', 'one');
  expect(list.text).toMatch(new RegExp(`${second.slice(0, 8)} +one +queued +api`));
  expect(list.text).toMatch(new RegExp(`${first.slice(0, 8)} +one +running +api +word needs approval`));
  expect((await cli('runs', '--status', 'failed')).text).toBe('There is no such run.\n');

  const sentence = `queued: 1 of 1 run of workflow one is under way (run ${first}); it starts when one of them ends and its turn comes`;
  expect(await cli('why', second.slice(0, 8))).toEqual({ code: 0, text: `${sentence}\n` });
  expect((await cli('why', 'last')).text).toBe(`${sentence}\n`);
  const shown = await cli('runs', 'show', second);
  expect(shown.text).toContain(`why        ${sentence}`);
  expect(shown.text).toMatch(/word +pending/);

  const cancelled = await cli('runs', 'cancel', first, '--reason', 'not needed');
  expect(cancelled.text).toContain('error      cancelled: not needed');
  expect((await cli('why', first)).text).toBe('The run is over: it has been cancelled.\n');
  await stepIs(orchestrator, second, 'word', 'parked');

  const again = await cli('runs', 'rerun', first, '--json');
  const { id, why } = JSON.parse(again.text) as { id: string; why: string };
  expect(why).toContain(`run ${second}`);
  for (const run of [second, id]) await cli('runs', 'cancel', run);
  expect((await ended(orchestrator, id)).status).toBe('cancelled');
});

it.each([
  [['why', 'zzz'], 2, /is no run's id/],
  [['why', 'ffffffff'], 3, /There is no run ffffffff among the newest/],
  [['why', '00000000-0000-4000-8000-000000000000'], 3, /run-not-found/],
  [['runs', 'start', 'nothing'], 3, /workflow-not-found/],
  [['runs', 'start', 'one', '--input', '[1]'], 2, /give a JSON object/],
  [['runs', 'start', 'one', '--priority', '3'], 2, /can only be 0 in this workflow/],
])('%j ends with %i and says why', async (args, code, text) => {
  expect(await cli(...args)).toEqual({ code, text: expect.stringMatching(text) as string });
});
