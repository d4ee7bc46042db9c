/** Releases: what their id depends on and what it does not, and what is different between two. */
import fc from 'fast-check';
import { diffManifests, needsEvaluation } from '../../../src/domain/release/diff';
import { releaseId, ReleaseManifest } from '../../../src/domain/release/manifest';
import { changeEnvironment, newEnvironment, type Environment } from '../../../src/domain/release/environment';
import { bucketOf, choose, stickyKey } from '../../../src/domain/release/choose';

const hash = (c: string) => c.repeat(64);
const MANIFEST: ReleaseManifest = {
  manifestVersion: 1,
  agentId: 'writer',
  code: { tree: 'a'.repeat(40) },
  models: [{ provider: 'anthropic', model: 'sonnet', snapshot: '20260101' }],
  prompts: [
    { path: 'prompts/a.md', sha256: hash('1') },
    { path: 'prompts/b.md', sha256: hash('2') },
  ],
  tools: [{ name: 'search', sha256: hash('3') }],
  permissions: ['net:api.example.com', 'fs:read'],
  index: { name: 'articles', build: '42' },
  contractVersion: 1,
  config: { temperature: 0.2, language: 'en' },
};

describe('the id of a release', () => {
  it('is the SHA-256 of its canonical JSON, as any other machine finds it', () => {
    expect(releaseId(MANIFEST)).toBe('d77b10470050b610575166ecffceb509a1ec3d9df007b338472115e1c6bc1f6f');
  });

  it('does not depend on the order of keys or of lists without one', () => {
    const { config, ...rest } = MANIFEST;
    const other = {
      config: { language: 'en', temperature: config['temperature'] as number },
      ...rest,
      prompts: [...rest.prompts].reverse(),
      permissions: [...rest.permissions].reverse(),
    };
    expect(releaseId(other)).toBe(releaseId(MANIFEST));
  });

  it('depends on everything else, and the difference names it', () => {
    const changes: Array<[Partial<ReleaseManifest>, object]> = [
      [{ code: { tree: 'b'.repeat(40) } }, { part: 'code', kind: 'changed' }],
      [{ models: [{ provider: 'anthropic', model: 'opus' }] }, { part: 'model', kind: 'changed', name: '1' }],
      [{ prompts: MANIFEST.prompts.slice(1) }, { part: 'prompt', kind: 'removed', name: 'prompts/a.md' }],
      [{ tools: [] }, { part: 'tool', kind: 'removed', name: 'search' }],
      [
        { permissions: [...MANIFEST.permissions, 'net:*'] },
        { part: 'permission', kind: 'added', name: 'net:*' },
      ],
      [{ index: { name: 'articles', build: '43' } }, { part: 'index', old: '42', new: '43' }],
      [{ contractVersion: 2 }, { part: 'contract', old: '1', new: '2' }],
      [{ config: { temperature: 0.3, language: 'en' } }, { part: 'config', name: 'temperature', new: '0.3' }],
    ];
    const ids = changes.map(([change, expected]) => {
      const next = { ...MANIFEST, ...change };
      const diff = diffManifests(MANIFEST, next);
      expect(diff).toMatchObject([expected]);
      const behaviour = 'models' in change || 'prompts' in change;
      expect(needsEvaluation(diff)).toBe(behaviour);
      return releaseId(next);
    });
    expect(new Set([...ids, releaseId(MANIFEST)]).size).toBe(changes.length + 1);
    expect(diffManifests(MANIFEST, MANIFEST)).toEqual([]);
  });

  it.each(['../secrets', '/etc/passwd', 'prompts//a', 'a/./b', 'a\\b'])('takes no part from %s', (path) => {
    const parsed = ReleaseManifest.safeParse({ ...MANIFEST, prompts: [{ path, sha256: hash('1') }] });
    expect(parsed.success).toBe(false);
  });
});

const [A, B, C] = [hash('a'), hash('b'), hash('c')];
const after = (env: Environment, change: Parameters<typeof changeEnvironment>[1]): Environment => {
  const decision = changeEnvironment(env, change, env.updatedAt + 1);
  if (!decision.ok) throw new Error(decision.reason);
  return decision.environment;
};
const promote = (env: Environment, releaseId: string) => after(env, { type: 'promote', releaseId });
const NEW = newEnvironment('writer', 'prod', 0);

describe('an environment', () => {
  it('keeps the last good release, goes back to it, and not forward again', () => {
    const two = promote(promote(NEW, A), B);
    expect(two).toMatchObject({ stable: B, previous: A, weight: 0, fence: 2 });
    const back = after(two, { type: 'rollback' });
    expect(back).toMatchObject({ stable: A, fence: 3 });
    expect(back.previous).toBeUndefined();
    expect(changeEnvironment(back, { type: 'rollback' }, 9)).toEqual({
      ok: false,
      reason: 'nothing-to-roll-back-to',
    });
  });

  it('drops the candidate on a rollback, and keeps its pointers', () => {
    const tried = after(promote(promote(NEW, A), B), { type: 'candidate', releaseId: C, weight: 25 });
    expect(tried).toMatchObject({ stable: B, candidate: C, weight: 25 });
    const back = after(tried, { type: 'rollback' });
    expect(back).toMatchObject({ stable: B, previous: A, weight: 0 });
    expect(back.candidate).toBeUndefined();
  });

  it('promotes what is stable already without a change, and ends a candidate by it', () => {
    const one = promote(NEW, A);
    expect(changeEnvironment(one, { type: 'promote', releaseId: A }, 9)).toMatchObject({ unchanged: true });
    const tried = after(one, { type: 'candidate', releaseId: B, weight: 5 });
    expect(promote(tried, A)).not.toHaveProperty('candidate');
  });

  it.each([
    [NEW, B, 5, 'no-stable'],
    [promote(NEW, A), A, 5, 'is-stable'],
    [promote(NEW, A), B, 101, 'weight'],
    [promote(NEW, A), B, NaN, 'weight'],
  ])('refuses a candidate that makes no sense', (env, releaseId, weight, reason) => {
    expect(changeEnvironment(env, { type: 'candidate', releaseId, weight }, 1)).toEqual({
      ok: false,
      reason,
    });
  });
});

describe('the choice', () => {
  const canary = (weight: number, allow: string[] = []) =>
    after(after(promote(NEW, A), { type: 'policy', policy: { ...NEW.policy, allow } }), {
      ...{ type: 'candidate', releaseId: B, weight },
    });
  const keys = Array.from({ length: 4_000 }, (_, i) => `run-${i}`);

  it('is nothing without a release, and the stable one without a candidate', () => {
    expect(choose(NEW, 'x')).toBeUndefined();
    expect(choose(promote(NEW, A), 'x')).toBe(A);
    expect(choose(canary(0), 'x')).toBe(A);
  });

  it.each([1, 5, 25, 50, 100])('gives the candidate %d %% of the keys', (weight) => {
    const share = keys.filter((k) => choose(canary(weight), k) === B).length / keys.length;
    // Four standard deviations of a share of 4,000 keys.
    expect(Math.abs(share - weight / 100)).toBeLessThan(4 * Math.sqrt(0.25 / keys.length));
  });

  it('sticks: whoever has the candidate keeps it as the weight rises', () => {
    fc.assert(
      fc.property(fc.string(), fc.tuple(fc.nat(100), fc.nat(100)), (key, [a, b]) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        return choose(canary(low), key) !== B || choose(canary(high), key) === B;
      }),
    );
  });

  it('always gives it to those on the list, and tries each candidate on others', () => {
    expect(choose(canary(0, ['vip']), 'vip')).toBe(B);
    const first = keys.filter((k) => bucketOf(`writer/prod/${B}`, k) < 500);
    const both = first.filter((k) => bucketOf(`writer/prod/${C}`, k) < 500);
    expect(both.length).toBeLessThan(first.length / 4);
  });

  it('goes by a field of the input where the policy says so, else by the run', () => {
    const env = after(NEW, { type: 'policy', policy: { ...NEW.policy, stickyBy: 'customer' } });
    expect(stickyKey(env, 'run', { customer: 'anna' })).toBe('anna');
    expect(stickyKey(env, 'run', { customer: 7 })).toBe('7');
    expect(stickyKey(env, 'run', { customer: { a: 1 } })).toBe('run');
    expect(stickyKey(env, 'run', {})).toBe('run');
    expect(stickyKey(NEW, 'run', { customer: 'anna' })).toBe('run');
  });
});
