/** Every mistake in a registry is told at once, with its place and its mend. */
import { type AgentInput, type WorkflowInput } from '../../src/registry';
import { agent, workflow, problemsOf } from './support';

describe('mistakes', () => {
  it('are listed all at once, also when the shape is wrong', () => {
    const problems = problemsOf({
      agents: [agent({ id: 'One', concurrency: 0 }), agent({ capsuleId: '' })],
      workflows: [workflow({ steps: [] }), workflow({ id: 'other', steps: [{ id: 'a', agent: 'onne' }] }), 7],
    });
    expect(problems).toHaveLength(6);
    expect(problems.join('\n')).toMatch(
      /workflows\[1\]\.steps\[0\]\.agent: there is no agent "onne"\. Did you mean "one"\?/i,
    );
  });

  it.each<[string, Partial<AgentInput>[], Partial<WorkflowInput>[], RegExp]>([
    [
      'doubled agent',
      [{}, { capsuleId: 'x' }],
      [],
      /^agents\[1\]\.id: the agent "one" is already at agents\[0\]/,
    ],
    [
      'shared capsule',
      [{ capsuleId: 'x' }, { id: 'two', capsuleId: ' x ' }],
      [],
      /^agents\[1\]\.capsuleId: the capsule "x"/,
    ],
    [
      'doubled alternative',
      [{ alternatives: [{ capsuleId: 'y', baseUrl: 'http://y.example' }] }, { id: 'two', capsuleId: 'y' }],
      [],
      /^agents\[0\]\.alternatives\[0\]\.capsuleId: the capsule "y" is named twice.*its own/,
    ],
    [
      'alternative without a release',
      [{ alternatives: [{ capsuleId: 'y', baseUrl: 'http://y.example', release: 'latest' }] }],
      [],
      /^agents\[0\]\.alternatives\[0\]\.release: is no id of a release/,
    ],
    [
      'doubled permission',
      [{ permissions: ['net:a', 'net:b', 'net:a'] }],
      [],
      /^agents\[0\]\.permissions\[2\]: "net:a" is named twice\. Name it once/,
    ],
    [
      'permission beside one that covers it',
      [{ permissions: ['net:a', 'net:*'] }],
      [],
      /^agents\[0\]\.permissions\[0\]: "net:a" is permitted by "net:\*" already/,
    ],
    [
      'permission with a space after it',
      [{ permissions: ['net:a '] }],
      [],
      /^agents\[0\]\.permissions\[0\]: begins or ends with a space/,
    ],
    ['blank capsule', [{ capsuleId: '  ' }], [], /^agents\[0\]\.capsuleId: .*Set CC_CAPSULE_ID_ONE/],
    [
      'other protocol',
      [{ baseUrl: 'ftp://a.example' }],
      [],
      /^agents\[0\]\.baseUrl: .*neither http nor https.*CC_AGENT_URL_ONE/,
    ],
    ['no URL', [{ baseUrl: 'localhost' }], [], /^agents\[0\]\.baseUrl: .*is not a URL/],
    ['blank URL', [{ baseUrl: '' }], [], /^agents\[0\]\.baseUrl: .*is empty/],
    ['query', [{ baseUrl: 'http://a.example/?b' }], [], /^agents\[0\]\.baseUrl: .*query/],
    ['bad id', [{ id: 'My_Agent' }], [], /^agents\[0\]\.id: is not in kebab-case/],
    [
      'short secret',
      [{ secret: 'short' }],
      [],
      /^agents\[0\]\.secret: is shorter than 16 .*CC_AGENT_SECRET_ONE/,
    ],
    [
      'three secrets',
      [{ secret: `${'a'.repeat(16)},${'b'.repeat(16)},${'c'.repeat(16)}` }],
      [],
      /^agents\[0\]\.secret: .*two keys/,
    ],
    ['unknown field', [{ lingerSecond: 3 } as Partial<AgentInput>], [], /^agents\[0\]: .*lingerSecond/],
    [
      'doubled workflow',
      [{}],
      [{}, {}],
      /^workflows\[1\]\.id: the workflow "flow" is already at workflows\[0\]/,
    ],
    ['no steps', [{}], [{ steps: [] }], /^workflows\[0\]\.steps: has no steps/],
    [
      'unknown agent',
      [{}],
      [{ steps: [{ id: 'a', agent: 'quite-other' }] }],
      /^workflows\[0\]\.steps\[0\]\.agent: .*name one of: one$/,
    ],
    [
      'doubled step',
      [{}],
      [
        {
          steps: [
            { id: 'a', agent: 'one' },
            { id: 'a', agent: 'one' },
          ],
        },
      ],
      /^workflows\[0\]\.steps\[1\]\.id/,
    ],
    [
      'doubled step of another phase',
      [{}],
      [{ steps: [{ id: 'a', agent: 'one' }], finally: [{ id: 'a', agent: 'one' }] }],
      /^workflows\[0\]\.finally\[0\]\.id: the step "a" is already at workflows\[0\]\.steps\[0\]/,
    ],
    [
      'need of a phase before',
      [{}],
      [{ steps: [{ id: 'a', agent: 'one' }], finally: [{ id: 'b', agent: 'one', needs: ['a'] }] }],
      /^workflows\[0\]\.finally\[0\]\.needs\[0\]: .*"a", which is settled before.*Remove it/,
    ],
    [
      'sleep without a time',
      [{}],
      [{ steps: [{ id: 'a', sleep: {} as { seconds: number } }] }],
      /^workflows\[0\]\.steps\[0\]\.sleep: needs exactly one of seconds, until/,
    ],
    [
      'question without a title',
      [{}],
      [{ steps: [{ id: 'a', approval: {} as { title: string } }] }],
      /^workflows\[0\]\.steps\[0\]\.approval\.title: is missing/,
    ],
    [
      'step too long',
      [{}],
      [{ steps: [{ id: 'a', agent: 'one', timeoutSeconds: 86_401 }] }],
      /^workflows\[0\]\.steps\[0\]\.timeoutSeconds/,
    ],
    [
      'many attempts',
      [{}],
      [{ steps: [{ id: 'a', agent: 'one', retry: { attempts: 21 } }] }],
      /^workflows\[0\]\.steps\[0\]\.retry\.attempts/,
    ],
    [
      'run shorter than step',
      [{}],
      [{ timeoutSeconds: 60 }],
      /^workflows\[0\]\.timeoutSeconds: a step may take longer/,
    ],
    [
      'bad cron',
      [{}],
      [{ schedule: { cron: '0 9 * * 8' } }],
      /^workflows\[0\]\.schedule\.cron: the day of week field "8"/,
    ],
    [
      'bad zone',
      [{}],
      [{ schedule: { cron: '@daily', timezone: 'Europe/Munich' } }],
      /^workflows\[0\]\.schedule\.timezone/,
    ],
    [
      'bad enabled',
      [{}],
      [{ schedule: { cron: '@daily', enabled: 'no' as never } }],
      /^workflows\[0\]\.schedule\.enabled/,
    ],
    ['no schedule', [{}], [{ schedule: 'daily' as never }], /^workflows\[0\]\.schedule: /],
    [
      'unknown need',
      [{}],
      [
        {
          steps: [
            { id: 'crawl', agent: 'one' },
            { id: 'b', agent: 'one', needs: ['crwl'] },
          ],
        },
      ],
      /needs\[0\]: .*Did you mean "crawl"\?/,
    ],
    [
      'need below',
      [{}],
      [
        {
          steps: [
            { id: 'a', agent: 'one', needs: ['b'] },
            { id: 'b', agent: 'one' },
          ],
        },
      ],
      /needs\[0\]: .*does not come before it.*Write "b" above it/,
    ],
  ])('%s', (_, agents, workflows, expected) => {
    const input = { agents: agents.map(agent), workflows: workflows.map(workflow) };
    const problems = problemsOf(input);
    expect(problems).toEqual([expect.stringMatching(expected)]);
  });

  it('names a circle once, with the steps that make it', () => {
    const steps = [
      { id: 'a', agent: 'one', needs: ['c'] },
      { id: 'b', agent: 'one', needs: ['a'] },
      { id: 'c', agent: 'one', needs: ['b'] },
    ];
    const circles = problemsOf({ agents: [agent()], workflows: [workflow({ steps })] }).filter((p) =>
      p.includes('circle'),
    );
    expect(circles).toEqual([expect.stringContaining('a → c → b → a')]);
  });

  it('never repeats a password in a base URL', () => {
    const [problem, ...others] = problemsOf({
      agents: [agent({ baseUrl: 'http://u:canary@a.example' })],
      workflows: [],
    });
    expect(others).toEqual([]);
    expect(problem).toMatch(/holds credentials/);
    expect(problem).not.toContain('canary');
  });

  it('points at a variable that looks like the missing one', () => {
    expect(
      problemsOf(
        { agents: [agent({ id: 'site-crawler', capsuleId: '' })], workflows: [] },
        { CC_CAPSULE_ID_SITE_CRAWLR: 'x' },
      ),
    ).toEqual([expect.stringContaining('CC_CAPSULE_ID_SITE_CRAWLR is set: is that a slip?')]);
  });

  it('in production, looks for no agent on this machine unless told to', () => {
    const input = { agents: [agent()], workflows: [] };
    expect(problemsOf(input, { NODE_ENV: 'production' })).toEqual([
      expect.stringContaining('Set CC_AGENT_URL_ONE'),
    ]);
    expect(problemsOf(input, { NODE_ENV: 'production', CC_AGENT_URL_ONE: 'http://localhost:3001' })).toEqual(
      [],
    );
  });

  it.each([
    [undefined],
    [null],
    [[]],
    [{}],
    [{ agents: 3, workflows: {} }],
    [{ agents: [null], workflows: [null] }],
  ])('of any kind are told, not thrown: %j', (input) => expect(problemsOf(input).length).toBeGreaterThan(0));
});
