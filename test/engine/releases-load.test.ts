/** A hundred rollouts and rollbacks while work goes on: no run is lost, and nothing is done twice. */
import { fold, type LedgerEntry } from '../../src/domain/ledger';
import { environmentId, projectEnvironment } from '../../src/domain/release/environment';
import { STRATEGY_DEFAULTS, type Strategy } from '../../src/domain/rollout/strategy';
import { AGENT, BY, ENVIRONMENT, openWorld, releaseOf } from './releases-world';

const ROLLOUTS = 100;
const CANARY: Strategy = {
  name: 'canary',
  stages: [{ kind: 'canary', weight: 40, forMs: 0, tasks: 100_000, deadlineMs: 600_000 }, { kind: 'switch' }],
  rollbackOn: [],
};

it('loses no run, does nothing twice, and ends where the last move put the pointer', async () => {
  const world = await openWorld(() => ({ durationMs: 150 }));
  const { store, clock, engine, pass, told } = world;
  for (let n = 0; n <= ROLLOUTS; n += 1) await world.add(releaseOf(n));
  await world.direct(releaseOf(0));

  const begun: Array<Promise<unknown>> = [];
  const ids: string[] = [];
  let isOpen = true;
  const arrive = (): void => {
    if (!isOpen) return;
    const one = engine.trigger('two', { n: ids.length }, BY).then((answer) => {
      if ('runId' in answer) ids.push(answer.runId);
    });
    begun.push(one);
    clock.after(400, arrive);
  };
  arrive();

  let [promoted, back, aborted] = [0, 0, 0];
  for (let n = 1; n <= ROLLOUTS; n += 1) {
    const before = (await world.env()).stable;
    if (n % 3 === 0) {
      const id = await world.roll(releaseOf(n), CANARY);
      await pass(900);
      await told(engine.rollouts.apply(id, { type: 'abort', reason: 'enough' }, BY));
      expect(await world.settled(id)).toMatchObject({ status: 'rolled-back' });
      aborted += 1;
    } else {
      expect(await world.settled(await world.roll(releaseOf(n), STRATEGY_DEFAULTS.direct))).toMatchObject({
        status: 'done',
      });
      promoted += 1;
      await pass(600);
    }
    if (n % 3 === 2) {
      expect(await told(engine.rollouts.rollback(AGENT, ENVIRONMENT, BY))).toEqual({
        ...{ kind: 'rolled-back', releaseId: before },
      });
      back += 1;
    }
    const env = await world.env();
    expect(env).toMatchObject(n % 3 === 1 ? { stable: releaseOf(n).id } : { stable: before });
    expect(env).toMatchObject({ weight: 0 });
    expect(env.candidate).toBeUndefined();
    await pass(200);
  }
  isOpen = false;
  await told(Promise.all(begun));
  expect([promoted, back, aborted]).toEqual([67, 33, 33]);
  expect(ids.length).toBeGreaterThan(200);
  const releases = new Set<string | undefined>();
  for (const id of ids) {
    const { status, steps } = await world.ended(id);
    expect({ id, status }).toEqual({ id, status: 'succeeded' });
    for (const { releaseId, history } of steps) {
      releases.add(releaseId);
      expect(history.map((h) => [h.outcome, h.releaseId])).toEqual([['success', releaseId]]);
    }
  }
  // The load was on them: most of them did something.
  expect(releases.size).toBeGreaterThan(ROLLOUTS / 2);
  expect(world.jobs).toHaveLength(2 * ids.length);
  expect([...world.cloud.worked.values()].every((times) => times === 1)).toBe(true);
  // The pointers are the fold of the ledger.
  const env = await world.env();
  const entries = (await store.ledger(0, Number.MAX_SAFE_INTEGER))
    .map(({ body }) => JSON.parse(body) as LedgerEntry)
    .filter(({ entity, id }) => entity === 'environment' && id === environmentId(env));
  expect(fold(entries)).toEqual(projectEnvironment(env));
}, 120_000);
