/** Desired beside observed replicas, and since when they differ. */
import { asleep, type CapsuleState } from '../../src/domain/capsule';
import { replicasOf } from '../../src/domain/drift';

const capsule = (status: CapsuleState['status']): CapsuleState => ({ ...asleep('c', 'a'), status });

it.each([
  ['asleep', 0, undefined],
  ['asleep', 1, 100],
  ['draining', 1, 100],
  ['awake', 1, undefined],
  ['awake', 0, 100],
  ['awake', 2, 100],
  ['waking', 0, 100],
] as const)('of one that is %s while %i run, drift since %s', (status, running, since) => {
  const { driftSince } = replicasOf(capsule(status), { running, since: 100, at: 120 }, 50);
  expect(driftSince).toBe(since);
});

it('counts from the change of status where the replicas were the same before it', () => {
  expect(replicasOf(capsule('draining'), { running: 1, since: 10, at: 120 }, 50).driftSince).toBe(50);
});

it('takes nothing for drift that was seen before the status changed, or that nobody knows', () => {
  expect(replicasOf(capsule('awake'), { running: 0, since: 10, at: 40 }, 50)).toEqual({
    ...{ desired: 1, observed: null, observedAt: 40 },
  });
  expect(replicasOf(capsule('awake'), { running: null, since: 10, at: 120 }, 50)).toEqual({
    ...{ desired: 1, observed: null, observedAt: 120 },
  });
  expect(replicasOf(capsule('asleep'), undefined, undefined)).toEqual({ desired: 0, observed: null });
});
