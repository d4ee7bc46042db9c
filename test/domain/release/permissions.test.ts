/** What releases may ask for: rules of the registry and of an environment, and what happens where nobody said anything. */
import { newEnvironment } from '../../../src/domain/release/environment';
import type { ReleaseManifest } from '../../../src/domain/release/manifest';
import { boundsOf, judgePermissions, permits } from '../../../src/domain/release/permissions';
import { withPolicy } from '../../../src/domain/release/policy';

const manifest = (permissions: string[], tools: string[] = []): ReleaseManifest => ({
  ...{ manifestVersion: 1, agentId: 'writer', code: { tree: 'a'.repeat(40) }, models: [], prompts: [] },
  tools: tools.map((name) => ({ name, sha256: 'b'.repeat(64) })),
  ...{ permissions, contractVersion: 1, config: {} },
});
const environment = (permissions?: string[]) => {
  const env = newEnvironment('writer', 'production', 0);
  return { ...env, policy: withPolicy(env.policy, { permissions }) };
};
const bounds = (agent?: string[], env?: string[]) => boundsOf({ permissions: agent }, environment(env));

it.each([
  ['net:a.example', 'net:a.example', true],
  ['net:a.example', 'net:a.example.evil', false],
  ['net:*', 'net:a.example', true],
  ['net:*', 'file:a', false],
  ['net:*.example', 'net:a.example', true],
  ['net:*.example', 'net:a.example.evil', false],
  ['*', 'anything at all', true],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['aa*aa', 'aaa', false],
  ['a**a', 'aa', true],
  ['net:a.example', 'net:aXexample', false],
])('a rule %s covers %s: %s', (pattern, permission, is) => {
  expect(permits(pattern, permission)).toBe(is);
});

it('fails what is asked for beyond a rule, with each of it, whose rule it is, and the mend', () => {
  const asks = manifest(['net:a.example', 'net:b.example', 'file:secrets']);
  const judged = judgePermissions(asks, asks, bounds(['net:*'], ['net:a.example', 'file:*']));
  expect(judged).toMatchObject({ check: 'permissions', verdict: 'fail' });
  expect(judged.message).toBe(
    'it asks for more than the registry permits: file:secrets; take it out of agent.json, or permit it in ' +
      '"permissions" of writer in the registry; ' +
      'it asks for more than the policy of production permits: net:b.example; take it out of agent.json, or permit it in ' +
      '"reveille release policy writer --env production --permit …"',
  );
});

it('passes what every rule permits, also where the one before had less, and the first', () => {
  const asks = manifest(['net:a.example']);
  for (const before of [undefined, manifest([])])
    expect(judgePermissions(asks, before, bounds(['net:*'], ['net:a.example']))).toMatchObject({
      verdict: 'pass',
      message: 'net:a.example: the registry and the policy of production permits it',
    });
  expect(judgePermissions(manifest([]), undefined, bounds([]))).toMatchObject({ verdict: 'pass' });
  expect(judgePermissions(asks, undefined, bounds([]))).toMatchObject({ verdict: 'fail' });
});

it('asks of tools where a rule names one, and of none elsewhere', () => {
  const asks = manifest([], ['search', 'mail']);
  expect(judgePermissions(asks, undefined, bounds(['net:*']))).toMatchObject({ verdict: 'pass' });
  const judged = judgePermissions(asks, undefined, bounds(['net:*', 'tool:search']));
  expect(judged).toMatchObject({
    verdict: 'fail',
    message: expect.stringContaining('permits: tool:mail;') as string,
  });
  expect(judgePermissions(asks, undefined, bounds(['tool:*']))).toMatchObject({ verdict: 'pass' });
});

it('leaves to a person what nobody said anything about: of the first all of it, of a later one what is new', () => {
  const asks = manifest(['net:a.example', 'net:b.example']);
  expect(judgePermissions(asks, undefined, bounds())).toEqual({
    ...{ check: 'permissions', verdict: 'inconclusive' },
    message:
      'it is the first, and asks for: net:a.example, net:b.example; nothing says what releases of writer may do: ' +
      'declare it ("reveille release policy writer --permit net:a.example"), or answer for it',
  });
  const later = judgePermissions(asks, manifest(['net:a.example']), bounds());
  expect(later).toMatchObject({ verdict: 'inconclusive' });
  expect(later.message).toContain('it may do more than the one before: net:b.example;');
  expect(judgePermissions(asks, asks, bounds())).toMatchObject({ verdict: 'pass' });
  expect(judgePermissions(manifest([]), undefined, bounds())).toMatchObject({ verdict: 'pass' });
});

it('keeps a rule until it is taken away, and knows a rule of nothing from none', () => {
  const { policy } = environment(['net:a', 'net:a']);
  expect(policy.permissions).toEqual(['net:a']);
  expect(withPolicy(policy, { approvals: 1 }).permissions).toEqual(['net:a']);
  expect(withPolicy(policy, { permissions: [] }).permissions).toEqual([]);
  expect(withPolicy(policy, { permissions: null }).permissions).toBeUndefined();
});
