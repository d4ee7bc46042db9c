/** `reveille replay` and `reveille diff` as a person types them. */
import { resolve } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import { acts, ended, trigger } from '../e2e/support/runs';
import { World } from '../e2e/support/world';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';

const CLI = resolve(__dirname, '../../dist/cli/index.js');

const processes = useProcesses();
let world: World;
let orchestrator: Orchestrator;
let failed: string[];
let well: string;

beforeAll(async () => {
  world = await World.start({
    agents: [{ id: 'alpha' }],
    workflows: [
      { id: 'one', name: 'One', steps: [{ id: 'work', agent: 'alpha' }] },
      { id: 'two', name: 'Two', steps: [{ id: 'work', agent: 'alpha' }] },
    ],
  });
  orchestrator = await world.orchestrate();
  failed = [
    await trigger(orchestrator, 'one', acts({ work: 'error' })),
    await trigger(orchestrator, 'one', acts({ work: 'error' })),
  ];
  well = await trigger(orchestrator, 'two');
  for (const id of [...failed, well]) await ended(orchestrator, id);
});
afterAll(() => world.close());

async function reveille(...args: string[]): Promise<{ code: number | null; text: string }> {
  const env = { NO_COLOR: '1', REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: undefined };
  const child = await processes.start(process.execPath, [CLI, ...args], { env });
  const { code } = await child.exited;
  return { code, text: child.output() };
}
const reruns = async () =>
  (await orchestrator.store.runs({ workflowId: 'one' }, 50)).items.filter((r) => r.trigger.kind === 'rerun');

describe('replay', () => {
  it('shows what it would do, and starts nothing unless somebody agrees', async () => {
    const { code, text } = await reveille('replay', '--workflow', 'one', '--preview');
    expect(code).toBe(0);
    for (const id of failed) expect(text).toMatch(new RegExp(`${id} +work +step work: work went wrong`));
    expect(text).toContain('2 runs would be started again, 0 skipped.');
    const unasked = await reveille('replay', '--workflow', 'one');
    expect(unasked.code).toBe(2);
    expect(unasked.text).toContain('Add --yes');
    expect(await reruns()).toEqual([]);
  });

  it('says so when no run fits, and refuses what is no time', async () => {
    expect((await reveille('replay', '--workflow', 'two', '--yes')).text).toContain('No run fits.');
    const late = await reveille('replay', '--workflow', 'one', '--before', '2001-01-01T00:00:00Z');
    expect([late.code, late.text]).toEqual([0, 'No run fits.\n']);
    expect((await reveille('replay', '--after', 'yesterday')).code).toBe(2);
  });

  it('starts each again and follows that to its end', async () => {
    const { code, text } = await reveille('replay', '--workflow', 'one', '--error', 'agent-error', '--yes');
    expect([code, text.trim().split('\n').at(-1)]).toEqual([0, '2 runs started again, 0 skipped.']);
    const started = await until(
      async () => {
        const all = await reruns();
        return all.length === 2 ? all : undefined;
      },
      { what: 'two reruns' },
    );
    const origins = started.map((r) => (r.trigger.kind === 'rerun' ? r.trigger.of : ''));
    expect(origins.sort()).toEqual([...failed].sort());
  });
});

describe('diff', () => {
  it('shows where two runs differ, and says so by its exit code', async () => {
    const { code, text } = await reveille('diff', well, failed[0] ?? '');
    expect(code).toBe(1);
    expect(text).toContain(`- ${well}  two  succeeded`);
    expect(text).toMatch(/work +only the first run has it/);
    expect(await reveille('diff', well, well)).toMatchObject({ code: 0 });
  });

  it('prints JSON, and names a run that is not there', async () => {
    const { text } = await reveille('diff', '--json', well, well);
    expect(JSON.parse(text)).toMatchObject({ same: true, steps: [{ stepId: 'work' }] });
    const missing = await reveille('diff', well, '00000000-0000-4000-8000-00000000dead');
    expect(missing.code).toBe(3);
    expect(missing.text).toMatch(/There is no such run/);
  });
});
