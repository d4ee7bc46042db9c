/** Where releases are: each on a capsule of its own while there is one. */
import {
  changeEnvironment,
  newEnvironment,
  type Environment,
  type EnvironmentChange,
} from '../../../src/domain/release/environment';
import { instanceOf, isLive, withInstances } from '../../../src/domain/release/placement';

const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((x) => x.repeat(64)) as [string, string, string, string];
const NEW = newEnvironment('writer', 'prod', 0);

function moved(env: Environment, change: EnvironmentChange, capsules = ['main', 'spare']): Environment {
  const decision = changeEnvironment(env, change, env.updatedAt + 1);
  if (!decision.ok) throw new Error(decision.reason);
  return withInstances(env, decision.environment, capsules, change.type === 'rollback');
}
const promote = (env: Environment, releaseId: string, capsules?: string[]) =>
  moved(env, { type: 'promote', releaseId }, capsules);
const seen = (env: Environment) => env.instances.map((i) => [i.releaseId[0], i.capsuleId, i.state]);

it('puts the first on the main capsule, the next on the spare, and keeps the one before', () => {
  const two = promote(promote(NEW, A), B);
  expect(seen(two)).toEqual([
    ['a', 'main', 'draining'],
    ['b', 'spare', 'running'],
  ]);
  const back = moved(two, { type: 'rollback' });
  expect(seen(back)).toEqual([
    ['a', 'main', 'running'],
    ['b', 'spare', 'rolled-back'],
  ]);
  expect(instanceOf(back, B)).toBeUndefined();
});

it('takes the capsule of what works no more, and then there is nothing to go back to there', () => {
  const tried = moved(promote(promote(NEW, A), B), { type: 'candidate', releaseId: C, weight: 5 });
  expect(seen(tried)).toEqual([
    ['a', 'main', 'stopped'],
    ['b', 'spare', 'running'],
    ['c', 'main', 'validating'],
  ]);
  expect(tried.previous).toBeUndefined();
  const aborted = moved(tried, { type: 'rollback' });
  expect(aborted).toMatchObject({ stable: B, weight: 0 });
  expect(instanceOf(aborted, C)).toBeUndefined();
});

it('shares the only capsule', () => {
  const tried = moved(promote(NEW, A, ['main']), { type: 'candidate', releaseId: B, weight: 5 }, ['main']);
  expect(tried.instances.filter(isLive).map((i) => i.capsuleId)).toEqual(['main', 'main']);
});

it('goes back to the one before on the only capsule, however it was promoted, and keeps no more of them', () => {
  const only = ['main'];
  const two = promote(promote(NEW, A, only), B, only);
  expect(two).toMatchObject({ stable: B, previous: A });
  const three = promote(moved(two, { type: 'candidate', releaseId: C, weight: 5 }, only), C, only);
  expect(three).toMatchObject({ stable: C, previous: B });
  expect(three.instances.filter(isLive).map((i) => i.releaseId)).toEqual([A, B, C]);
  const four = promote(three, D, only);
  expect(four.instances.filter(isLive).map((i) => i.releaseId)).toEqual([C, D]);
  expect(moved(four, { type: 'rollback' }, only)).toMatchObject({ stable: C });
});

it('never takes the capsule of what is pointed to, whatever is done', () => {
  let env = promote(NEW, A);
  const changes: EnvironmentChange[] = [
    ...[B, C, D, A].map((releaseId) => ({ type: 'candidate' as const, releaseId, weight: 10 })),
    ...[B, C, D, A].map((releaseId) => ({ type: 'promote' as const, releaseId })),
    { type: 'rollback' },
  ];
  for (let n = 0; n < 500; n += 1) {
    const change = changes[(n * 7 + (n >> 3)) % changes.length] as EnvironmentChange;
    const decision = changeEnvironment(env, change, n);
    if (!decision.ok || 'unchanged' in decision) continue;
    env = withInstances(env, decision.environment, ['main', 'spare', 'third'], change.type === 'rollback');
    const live = env.instances.filter(isLive);
    expect(new Set(live.map((i) => i.capsuleId)).size).toBe(live.length);
    for (const id of [env.stable, env.candidate, env.previous])
      if (id !== undefined) expect(instanceOf(env, id)).toBeDefined();
    expect(instanceOf(env, env.stable)?.state).toBe('running');
    expect(env.instances.length).toBeLessThanOrEqual(8);
  }
});
