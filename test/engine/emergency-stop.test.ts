/** An emergency stop that two are at: the one that began it, and the sweeper of another, which thought it was left alone. */
import type { EmergencyStop } from '../../src/domain/guard/emergency-stop';
import { startApi, type Api } from '../http/support/api';
import { text } from '../http/support/client';
import { until } from '../support/until';

const REQUEST = { mode: 'cancel', message: 'fire', drainMs: 0, verifyMs: 60_000 } as const;
/** After so long without a word from who is at it, others take it up. */
const CLAIM_MS = 5_000;

let api: Api;
beforeEach(async () => void (api = await startApi()));
afterEach(() => api.close());

/** A switch is in force only after a moment: time goes on until it is. */
async function begun(): Promise<EmergencyStop> {
  let isBegun = false;
  const beginning = api.engine.emergencyStops.begin(REQUEST, 'test').finally(() => (isBegun = true));
  await until(() => {
    if (!isBegun) api.clock.advance(100);
    return isBegun;
  });
  return beginning;
}

/** Time goes on until a stop is over. */
async function over(id: string): Promise<EmergencyStop> {
  return until(
    async () => {
      api.clock.advance(250);
      // Whoever began it may be gone.
      await api.engine.emergencyStops.sweep();
      const stop = (await api.store.stop(id))?.stop;
      return stop?.phase === 'done' ? stop : undefined;
    },
    { what: 'the end of the stop' },
  );
}

it('reports each run that was cancelled, whoever of them is quicker', async () => {
  const runId = text((await api.startRun('single', { json: {} })).body['id']);
  await api.cloud.nextJob();
  const { store } = api;
  const save = store.saveStop.bind(store);
  let quick: Promise<void> | undefined;
  store.saveStop = async (...args) => {
    // The first word is late: another one begins and ends a whole step before it.
    if (!quick) {
      api.clock.advance(CLAIM_MS);
      quick = api.engine.emergencyStops.sweep();
      await quick;
    }
    return save(...args);
  };
  const { id } = await begun();
  const stop = await over(id);
  expect(stop).toMatchObject({ found: [runId], cancelled: [runId] });
  expect(stop.capsules.map(({ state }) => state)).toEqual(['zero', 'zero']);
  expect((await store.run(runId))?.state.status).toBe('cancelled');
});

it('reports what it was at when it died between its word and the deed', async () => {
  const runId = text((await api.startRun('single', { json: {} })).body['id']);
  await api.cloud.nextJob();
  const { store } = api;
  const save = store.saveStop.bind(store);
  let saves = 0;
  store.saveStop = async (...args) => {
    const saved = await save(...args);
    saves += 1;
    if (saves === 1) throw new Error('the process that was at it is gone');
    return saved;
  };
  const { id } = await begun();
  await until(() => saves === 1, { what: 'its first word' });
  expect((await store.run(runId))?.state.status).toBe('running');
  api.clock.advance(2 * CLAIM_MS);
  await api.engine.emergencyStops.sweep();
  expect(await over(id)).toMatchObject({ phase: 'done', cancelled: [runId] });
  expect((await store.run(runId))?.state.status).toBe('cancelled');
});
