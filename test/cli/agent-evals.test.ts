/** `reveille agent evals` where models cannot be asked: what has to be done is said. */
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { writeAgent } from '../releases/support/agents';
import { cliOf } from './support/cli';

const processes = useProcesses();
const { cli } = cliOf(processes, () => ({}));
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** As `src/llm` of the scaffold fails; it gives the mode where it is not asked for anything that is not there. */
const ASKS = `const { LLM_MODE } = process.env;
  if (LLM_MODE === 'replay') throw new Error('no recording at evals/recordings/x.json; make it');
  if (LLM_MODE === 'live') throw new Error('ANTHROPIC_API_KEY is not set');
  return { mode: LLM_MODE };`;
const SUITE = {
  cases: [{ name: 'asks', input: {}, checks: [{ rule: { path: 'output.mode', equals: 'fake' } }] }],
};

it('tells the agent how models are asked, documented or not, and what to do where they cannot be', async () => {
  const files = { 'evals/one.json': JSON.stringify(SUITE), '.env.example': '# Listens there.\nPORT=3000\n' };
  const { folder: path } = writeAgent(folder.path, 'asks', { job: ASKS, files });
  const replayed = await cli(['agent', 'evals', path]);
  expect(replayed).toMatchObject({ code: 1 });
  expect(replayed.text).toContain(`recorded by: npx reveille agent evals ${path} --llm record`);
  const live = await cli(['agent', 'evals', path, '--llm', 'live']);
  expect(live.text).toContain(`those that ${path}/.env.example names`);
  const made = await cli(['agent', 'evals', path, '--llm', 'fake']);
  expect(made).toMatchObject({ code: 0, text: expect.stringContaining('one: asks: passed') as string });
});
