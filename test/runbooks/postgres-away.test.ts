/** What docs/runbooks/stop-without-postgres.md says, on a Postgres that goes away in the middle of a run and comes back. */
import { join, resolve } from 'node:path';
import { startEmbeddedPostgres } from '../../src/store/embedded';
import { AGENTS, three } from '../e2e/support/registry';
import { acts, allAsleep, begun, stepIs, succeeded, trigger } from '../e2e/support/runs';
import { World, capsuleIdOf } from '../e2e/support/world';
import { removeCluster } from '../support/embedded-cluster';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';

const CLI = resolve(__dirname, '../../dist/cli/index.js');
const processes = useProcesses();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let options: Parameters<typeof startEmbeddedPostgres>[0];
let world: World;

beforeAll(async () => {
  folder = await temporaryFolder();
  options = { dataDir: join(folder.path, 'own-postgres'), log: () => undefined, durable: false };
});
afterAll(async () => {
  await world.close();
  await removeCluster(options.dataDir);
  await folder.remove();
});

async function reveille(url: string, ...args: string[]) {
  const child = await processes.start(process.execPath, [CLI, ...args, '--url', url], {
    env: { NO_COLOR: '1', REVEILLE_API_KEY: undefined },
  });
  return { code: (await child.exited).code, text: child.output() };
}
const kill = (url: string) => reveille(url, 'kill', '--all', '--message', 'runaway', '--yes');

it('refuses the stop, stops nothing, and does both once Postgres is back, before anything else is done', async () => {
  const postgres = await startEmbeddedPostgres(options);
  world = await World.start({
    agents: AGENTS.map((id) => ({ id })),
    workflows: [three],
    databaseUrl: postgres.url,
  });
  const before = await world.orchestrate();
  const runId = await trigger(before, 'three', acts({ 'do-alpha': 'hold' }));
  await stepIs(before, runId, 'do-alpha', 'running');

  await postgres.stop();
  const ready = await fetch(`${before.url}/ready`);
  expect([ready.status, await ready.json()]).toMatchObject([503, { checks: { store: 'does not answer' } }]);
  const refused = await kill(before.url);
  expect(refused).toMatchObject({
    code: 8,
    text: expect.stringMatching(/The store does not answer/) as string,
  });
  expect((await reveille(before.url, 'doctor', '--no-messages')).text).toMatch(
    /^fail +database [^]*^ok +capsule +alpha: 1 replicas/m,
  );
  // What was awake stays so: a scale-down is decided by the record alone.
  expect(await world.replicas()).toEqual({ alpha: 1, beta: 0, gamma: 0 });

  await world.stop(before);
  await world.driver.scale(capsuleIdOf('alpha'), 0);
  await until(async () => (await world.replicas()).alpha === 0, { what: 'zero at the platform' });
  const again = await startEmbeddedPostgres(options);
  try {
    const observing = await world.orchestrate({ env: { ENGINE_ENABLED: 'false' } });
    const stopped = await kill(observing.url);
    expect(stopped).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^stopped after .*1 run cancelled\.$[^]*capsule-alpha {2}zero$/m) as string,
    });
    expect((await observing.store.run(runId))?.state.status).toBe('cancelled');
    await world.stop(observing);

    const after = await world.orchestrate();
    expect(await reveille(after.url, 'resume', '--all')).toMatchObject({ code: 0 });
    await succeeded(after, await trigger(after, 'three'));
    expect(begun(world, runId)).toEqual({ 'do-alpha#1': 1 });
    await allAsleep(world, after);
    await world.close();
  } finally {
    await again.stop();
  }
});
