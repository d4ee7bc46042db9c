import { loadRegistry, type RegistryInput } from '../../src/registry';

type WorkflowInput = RegistryInput['workflows'][number];
const SECRET = 'hook-canary-0123456789abcdef';

const agents = [{ id: 'a', name: 'A', capsuleId: 'cap', baseUrl: 'http://localhost:3101' }];
const workflow = (id: string, on: WorkflowInput['on'], more: Partial<WorkflowInput> = {}): WorkflowInput => ({
  id,
  name: id,
  steps: [{ id: 'only', agent: 'a' }],
  ...(on && { on }),
  ...more,
});
const load = (workflows: WorkflowInput[], env: Record<string, string> = {}) =>
  loadRegistry({ agents, workflows }, env);
const problemsOf = (workflows: WorkflowInput[], env: Record<string, string> = {}) => {
  const loaded = load(workflows, env);
  return loaded.ok ? [] : loaded.problems.map(({ place, problem }) => `${place}: ${problem}`);
};
const hook = (more: object = {}) => ({ webhook: { secret: 'HOOK', style: 'github' as const, ...more } });

it('takes one trigger or a list, and keeps secrets apart from the definition', () => {
  const loaded = load(
    [
      workflow('one', { ...hook(), event: { name: 'paid' } }),
      workflow('two', { run: [{ workflow: 'one' }, { workflow: 'one', status: 'failed' }] }),
    ],
    { HOOK: `${SECRET},${SECRET}-old` },
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { registry } = loaded;
  expect(registry.workflow('one').on?.event).toEqual([{ name: 'paid' }]);
  expect(registry.workflow('two').on?.run?.map((r) => r.status)).toEqual(['succeeded', 'failed']);
  expect(registry.hookSecrets('one').map((s) => s.reveal())).toEqual([SECRET, `${SECRET}-old`]);
  expect(registry.hookSecrets('two')).toEqual([]);
  expect(JSON.stringify(registry.workflows)).not.toContain(SECRET);
});

it('wants the secret of a webhook, long enough, and never repeats it', () => {
  expect(problemsOf([workflow('w', hook())])).toEqual([
    'workflows[0].on.webhook.secret: HOOK is not set, so nobody could prove to be the sender',
  ]);
  const short = problemsOf([workflow('w', hook())], { HOOK: 'too-short' });
  expect(short).toEqual([expect.stringContaining('HOOK holds a key shorter than 16 characters')]);
  expect(short.join()).not.toContain('too-short');
  expect(problemsOf([workflow('w', hook(), { enabled: false })])).toEqual([]);
});

it('refuses paths that begin elsewhere, in conditions and mappings', () => {
  const on = hook({
    when: { not: { path: 'input.x', exists: true } },
    input: { a: 'payload.x', b: 'body.x' },
  });
  expect(problemsOf([workflow('w', on)], { HOOK: SECRET })).toEqual([
    'workflows[0].on.webhook.when.not.path: a path begins with body or headers here, not with "input"',
    'workflows[0].on.webhook.input.a: a path begins with body or headers here, not with "payload"',
  ]);
  const event = { event: [{ name: 'a' }, { name: 'b', input: { x: { path: 'body.x', default: 1 } } }] };
  expect(problemsOf([workflow('w', event)])).toEqual([
    'workflows[0].on.event[1].input.x: a path begins with event here, not with "body"',
  ]);
});

it('refuses workflows that are not there, and circles, also through several', () => {
  const after = (id: string, ...of: string[]) =>
    workflow(id, { run: of.map((w) => ({ workflow: w, status: 'any' as const })) });
  expect(problemsOf([after('x', 'nobody'), workflow('some', undefined)])).toEqual([
    'workflows[0].on.run[0].workflow: there is no workflow "nobody"',
  ]);
  expect(problemsOf([after('x', 'x')])).toEqual(['workflows: workflows start each other in a circle: x → x']);
  expect(problemsOf([after('x', 'y'), after('y', 'z'), after('z', 'x')])).toEqual([
    'workflows: workflows start each other in a circle: x → y → z → x',
  ]);
  expect(problemsOf([after('x', 'y', 'z'), after('y', 'z'), workflow('z', undefined)])).toEqual([]);
});

it('refuses what is no trigger', () => {
  const on = {
    webhook: { secret: 'lower', style: 'github' },
    run: [],
    cron: {},
  } as unknown as WorkflowInput['on'];
  const problems = problemsOf([workflow('w', on)], { lower: SECRET });
  expect(problems.join('\n')).toMatch(/on\.webhook\.secret: is not the name of an environment variable/);
  expect(problems.join('\n')).toMatch(/cron/);
  expect(problems.join('\n')).toMatch(/on\.run/);
});
