/** A release that asks for more than it may gets no work, whatever the strategy; where nobody said, a person is asked. */
import { releaseId, type Release } from '../../src/domain/release/manifest';
import { STRATEGY_DEFAULTS } from '../../src/domain/rollout/strategy';
import { AGENT, BY, ENVIRONMENT, openWorld, releaseOf } from './releases-world';

const asking = (n: number, permissions: string[]): Release => {
  const release = releaseOf(n);
  const manifest = { ...release.manifest, permissions };
  return { ...release, manifest, id: releaseId(manifest) };
};
const [A, B] = [asking(1, ['net:a.example']), asking(2, ['net:a.example', 'net:b.example'])];

it('is held to the registry and the policy of its environment, also by a direct rollout', async () => {
  const world = await openWorld(() => ({}), { permissions: ['net:*'] });
  for (const release of [A, B]) await world.add(release);
  expect(await world.direct(A)).toMatchObject({
    status: 'done',
    verdicts: [{ verdict: 'pass' }, { verdict: 'pass' }],
  });
  const env = await world.env();
  const policy = { ...env.policy, permissions: ['net:a.example'] };
  await world.told(world.engine.releases.change(AGENT, ENVIRONMENT, { type: 'policy', policy }, BY));
  const over = await world.direct(B);
  expect(over).toMatchObject({ status: 'rolled-back' });
  expect(over.abortedFor).toMatch(
    /^permissions: it asks for more than the policy of development permits: net:b\.example; /,
  );
  expect(await world.env()).toMatchObject({ stable: A.id, weight: 0 });
});

it('waits for a person, as the first one, where nothing says what it may', async () => {
  const world = await openWorld(() => ({}));
  await world.add(A);
  const id = await world.roll(A, STRATEGY_DEFAULTS['blue-green']);
  const paused = await world.settled(id);
  expect(paused).toMatchObject({ status: 'paused' });
  expect(paused.memo).toContain('permissions: it is the first, and asks for: net:a.example;');
  const verdict = { verdict: 'pass' as const, reason: 'it may', evidence: [], at: 1, by: 'key:other' };
  await world.told(world.engine.rollouts.apply(id, { type: 'accept', verdict }, BY));
  const done = await world.until(async () => {
    const state = (await world.store.rollout(id))?.state;
    return state?.status === 'done' ? state : undefined;
  });
  expect(done.verdicts[0]).toMatchObject({ verdict: 'inconclusive' });
});
