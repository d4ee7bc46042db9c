/** What a rollout would replay, over HTTP and on the command line, before anything begins. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliOf } from '../cli/support/cli';
import { registryWithSpare, writerRelease } from '../grpc/support';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';
import { startApi, type Api } from './support/api';
import { text } from './support/client';

const processes = useProcesses();
const [A, B] = [writerRelease(1), writerRelease(2)];
const deployment = { strategy: 'blue-green', stages: [{ replay: 20 }, { switch: 'instant' }] };

let api: Api;
beforeAll(async () => {
  api = await startApi({ registry: registryWithSpare() });
  for (const { manifest } of [A, B]) await call('/releases', { manifest, parts: [] });
  const { body } = await call('/deployments', { agentId: 'writer', releaseId: A.id });
  await until(async () => (await api.store.rollout(text(body['id'])))?.state.status === 'done');
  // The runs of this work are gone.
  for (let n = 0; n < 3; n += 1) {
    const at = Date.now() - n * 1_000;
    await api.store.endWork({
      ...{ runId: `00000000-0000-0000-0000-00000000000${n}`, stepId: 'draft', attempt: 1, at },
      ...{ agentId: 'writer', releaseId: A.id, inputHash: '' },
      ended: { outcome: 'success', at, durationMs: 5_000, costUsd: 0.1 },
    });
  }
});
afterAll(() => api.close());

const call = (path: string, json: object) => api.call('POST', path, { json });
const forecast = (more: object) =>
  call('/deployments/forecast', { agentId: 'writer', releaseId: B.id, ...more });

it('counts what is there and what retention removed, and begins nothing', async () => {
  const { status, body } = await forecast({ deployment });
  expect([status, body]).toEqual([
    200,
    {
      ...{ agentId: 'writer', environment: 'development', releaseId: B.id },
      replay: {
        ...{ tasks: 0, wanted: 20, removed: 3, seconds: 0, costUsd: 0 },
        ...{ marginPercent: 20, enough: false },
      },
    },
  ]);
  expect(await api.store.openRollouts()).toEqual([]);
});

it('says that a strategy replays nothing', async () => {
  expect((await forecast({})).body).toMatchObject({ replay: null });
});

it.each([
  [{ releaseId: 'f'.repeat(64) }, 404, 'release-not-found'],
  [{ agentId: 'nobody' }, 404, 'agent-not-found'],
  [{ deployment: { strategy: 'blue-green', stages: [{ replay: 0 }] } }, 400, 'invalid-request'],
])('refuses %j', async (more, status, code) => {
  const answer = await forecast(more);
  expect([answer.status, answer.body['code']]).toEqual([status, code]);
});

it('is told on the command line, in words', async () => {
  const { path, remove } = await temporaryFolder();
  const file = join(path, 'rollout.yaml');
  writeFileSync(file, 'strategy: blue-green\nstages:\n  - replay: 20\n  - switch: instant\n');
  const { cli } = cliOf(processes, () => ({ REVEILLE_URL: `http://127.0.0.1:${api.port}` }));
  const { code, text: told } = await cli(['release', 'forecast', B.id.slice(0, 12), '--strategy', file]);
  await remove();
  expect([code, told]).toEqual([
    0,
    expect.stringContaining('0 of 20 tasks are there to be replayed; 3 more were removed by retention.'),
  ]);
});
