import { Callbacks } from '../../src/engine/callbacks';
import type { Orchestrator } from '../../src/compose';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { freePort } from '../support/ports';
import { AGENTS, three } from './support/registry';
import {
  acts,
  allAsleep,
  deliver,
  ended,
  outputOf,
  resultOf,
  stepIs,
  succeeded,
  trigger,
} from './support/runs';
import { World } from './support/world';

const SECRET = 'the-secret-of-this-test-file-0123456789';

describe('webhooks', () => {
  let leaks: LeakCheck;
  let world: World;
  let orchestrator: Orchestrator;
  /** Makes what the orchestrator makes: the secret is known here, as it is to nobody outside. */
  let callbacks: Callbacks;
  let runId: string;

  beforeAll(async () => {
    leaks = leakCheck();
    world = await World.start({ agents: AGENTS.map((id) => ({ id })), workflows: [three] });
    const port = String(await freePort());
    orchestrator = await world.orchestrate({ env: { PORT: port, CALLBACK_SECRET: SECRET } });
    callbacks = new Callbacks(SECRET, `${orchestrator.url}/webhook`);
  });

  beforeEach(async () => {
    runId = await trigger(orchestrator, 'three', acts({ 'do-alpha': 'hold' }));
    await stepIs(orchestrator, runId, 'do-alpha', 'running');
  });

  /** The run is untouched by what was tried, and goes on. */
  const goesOn = async () => {
    await stepIs(orchestrator, runId, 'do-alpha', 'running');
    await world.release('alpha', runId, 'do-alpha');
    await succeeded(orchestrator, runId);
    expect(await outputOf(orchestrator, runId, 'do-alpha')).toMatchObject({ from: 'do-alpha' });
  };

  afterEach(() => allAsleep(world, orchestrator));

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  const urlFor = (more: object = {}) =>
    callbacks.url({ runId, stepId: 'do-alpha', attempt: 1, expiresAt: Date.now() + 60_000, ...more });

  test('a forged token changes nothing', async () => {
    const forger = new Callbacks('another-secret', `${orchestrator.url}/webhook`);
    const url = forger.url({ runId, stepId: 'do-alpha', attempt: 1, expiresAt: Date.now() + 60_000 });
    expect((await deliver(url, resultOf(runId, 'do-alpha'))).status).toBe(401);
    const [payload, mac] = callbacks
      .issue({ runId, stepId: 'do-beta', attempt: 1, expiresAt: Date.now() })
      .split('.');
    const other = `${payload?.slice(0, -4)}AAAA.${mac}`;
    const mended = `${orchestrator.url}/webhook?token=${other}`;
    expect((await deliver(mended, resultOf(runId, 'do-alpha'))).status).toBe(401);
    await goesOn();
  });

  test('a token that has expired changes nothing', async () => {
    const url = urlFor({ expiresAt: Date.now() - 1 });
    expect((await deliver(url, resultOf(runId, 'do-alpha'))).status).toBe(401);
    await goesOn();
  });

  test('a token opens no other run, step or attempt', async () => {
    const other = '00000000-0000-4000-8000-000000000000';
    const tries: Array<[string, unknown]> = [
      [urlFor(), resultOf(other, 'do-alpha')],
      [urlFor(), resultOf(runId, 'do-beta')],
      [urlFor(), resultOf(runId, 'do-alpha', { attempt: 2 })],
      [urlFor({ runId: other }), resultOf(other, 'do-alpha')],
    ];
    for (const [url, result] of tries) {
      const { status } = await deliver(url, result);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
    await goesOn();
  });

  test('of two results of one attempt the first counts, and the second is acknowledged', async () => {
    const first = await deliver(urlFor(), resultOf(runId, 'do-alpha'));
    expect(first).toEqual({ status: 200, body: { status: 'settled' } });
    const again = await deliver(urlFor(), resultOf(runId, 'do-alpha', { output: { another: true } }));
    expect(again).toEqual({ status: 200, body: { status: 'duplicate' } });
    await world.release('alpha', runId, 'do-alpha').catch(() => undefined); // asleep already, most likely
    await succeeded(orchestrator, runId);
    expect(await outputOf(orchestrator, runId, 'do-alpha')).toEqual({ sentBy: 'the test' });
  });

  test('a result that comes after the cancel is recorded and changes nothing', async () => {
    await orchestrator.engine.cancel(runId, 'enough', 'test');
    const late = await deliver(urlFor(), resultOf(runId, 'do-alpha'));
    expect(late).toEqual({ status: 200, body: { status: 'late' } });
    expect((await ended(orchestrator, runId)).status).toBe('cancelled');
    const results = (await orchestrator.store.payloads(runId))?.results;
    expect(results).toMatchObject([{ stepId: 'do-alpha', attempt: 1, counted: false }]);
  });
});
