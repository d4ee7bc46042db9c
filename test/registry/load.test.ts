/** What becomes of a registry that is well-formed. */
import { inspect } from 'node:util';
import {
  agentVariables,
  definitionHash,
  loadRegistry,
  onlyWorkflow,
  type WorkflowInput,
} from '../../src/registry';
import { CAPSULES, WEEKLY, agent, workflow, load, problemsOf, shipped } from './support';

describe('this installation', () => {
  it('loads once its capsules are named', () => {
    const { agents, workflows } = load(shipped(CAPSULES), CAPSULES);
    expect(agents.map((a) => a.id)).toEqual(['site-crawler', 'seo-analyser', 'report-notifier']);
    expect(workflows[0]).toMatchObject({
      id: 'site-audit',
      input: { siteUrl: 'https://example.com/' },
      schedule: { cron: '0 9 * * 1', timezone: 'Europe/Berlin', overlap: 'skip', enabled: true },
      steps: [
        { id: 'crawl', timeoutSeconds: 300 },
        { id: 'analyse' },
        { id: 'notify', retry: { attempts: 1 } },
      ],
    });
  });

  it('names each missing variable', () => {
    expect(problemsOf(shipped({}))).toEqual(
      ['SITE_CRAWLER', 'SEO_ANALYSER', 'REPORT_NOTIFIER'].map((name, i): unknown =>
        expect.stringMatching(new RegExp(`^agents\\[${i}\\]\\.capsuleId: .*Set CC_CAPSULE_ID_${name} to`)),
      ),
    );
  });

  it('leaves the weekly audit out while none of its own agents has a capsule, and says so', () => {
    const loaded = loadRegistry(shipped(CAPSULES), CAPSULES);
    expect(loaded).toMatchObject({
      ok: true,
      leftOut: {
        workflows: ['seo-audit-weekly'],
        agents: ['gsc-fetcher', 'keyword-clusterer', 'slack-notifier'],
      },
    });
  });

  it('asks for all of its agents once one has a capsule', () => {
    const one = { ...CAPSULES, CC_CAPSULE_ID_GSC_FETCHER: 'capsule-4' };
    expect(problemsOf(shipped(one), one)).toEqual(
      ['KEYWORD_CLUSTERER', 'SLACK_NOTIFIER'].map((name): unknown =>
        expect.stringMatching(new RegExp(`Set CC_CAPSULE_ID_${name} to`)),
      ),
    );
  });

  it('runs the weekly audit Mondays at nine, in the zone that was named', () => {
    const env = {
      ...CAPSULES,
      ...WEEKLY,
      SEO_AUDIT_TIMEZONE: 'Asia/Tokyo',
      SEO_AUDIT_BRAND_TERMS: 'Acme, , acme tools ',
    };
    const loaded = loadRegistry(shipped(env), env);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    expect(loaded.leftOut).toEqual({ workflows: [], agents: [] });
    const { steps, ...weekly } = loaded.registry.workflow('seo-audit-weekly');
    expect(weekly).toMatchObject({
      input: { days: 28, brandTerms: ['Acme', 'acme tools'] },
      schedule: { cron: '0 9 * * 1', timezone: 'Asia/Tokyo', enabled: true },
    });
    expect(steps.map(({ id, agent, retry }) => [id, agent, retry.attempts])).toEqual([
      ['fetch', 'gsc-fetcher', 2],
      ['cluster', 'keyword-clusterer', 2],
      ['analyse', 'seo-analyser', 2],
      ['notify', 'slack-notifier', 1],
    ]);
  });

  it('takes an agent in exactly the shape the deployment guide shows', () => {
    const before = { ...process.env };
    process.env.CC_CAPSULE_ID_MY_NEW_AGENT = 'capsule-9';
    const literal = {
      id: 'my-new-agent',
      name: 'My New Agent',
      capsuleId: process.env.CC_CAPSULE_ID_MY_NEW_AGENT ?? '',
      baseUrl: process.env.CC_AGENT_URL_MY_NEW_AGENT ?? 'http://localhost:3002',
    };
    process.env = before;
    expect(load({ agents: [literal], workflows: [] }).agent('my-new-agent')).toEqual({
      ...literal,
      concurrency: 1,
      linger: 'fixed',
      lingerSeconds: 30,
      wakeTimeoutSeconds: 120,
      secrets: [],
    });
  });
});

describe('a loaded registry', () => {
  it('finds by id, and says when there is none', () => {
    const loaded = load({ agents: [agent()], workflows: [workflow()] });
    expect(loaded.agent('one').name).toBe('One');
    expect(loaded.workflow('flow').steps).toHaveLength(1);
    expect([loaded.findAgent('two'), loaded.findWorkflow('two')]).toEqual([undefined, undefined]);
    expect(() => loaded.agent('two')).toThrow(/no agent "two"/);
    expect(() => loaded.workflow('two')).toThrow(/no workflow "two"/);
  });

  it('is frozen all the way down', () => {
    const loaded = load({ agents: [agent()], workflows: [workflow({ input: { deep: { list: [1] } } })] });
    const { input } = loaded.workflow('flow');
    expect(() => Object.assign(input.deep as object, { x: 1 })).toThrow(TypeError);
    expect(() => Object.assign(loaded.agent('one'), { name: 'x' })).toThrow(TypeError);
  });

  it('takes slashes off base URLs', () => {
    expect(
      load({ agents: [agent({ baseUrl: 'https://a.example/x//' })], workflows: [] }).agent('one').baseUrl,
    ).toBe('https://a.example/x');
  });

  it('takes secrets from the data or the environment, and shows none', () => {
    const env = { CC_AGENT_SECRET_ONE: 'the-new-secret-of-one, the-old-secret-of-one' };
    const loaded = load(
      { agents: [agent(), agent({ id: 'two', secret: 'a-secret-given-in-data' })], workflows: [] },
      env,
    );
    expect(loaded.agent('one').secrets.map((s) => s.reveal())).toEqual([
      'the-new-secret-of-one',
      'the-old-secret-of-one',
    ]);
    expect(loaded.agent('two').secrets.map((s) => s.reveal())).toEqual(['a-secret-given-in-data']);
    expect(`${JSON.stringify(loaded.agents)}${inspect(loaded, { depth: 9 })}`).not.toMatch(
      /secret-(of|given)/,
    );
    expect(JSON.stringify(loaded.agents)).toContain('«redacted»');
  });
});

describe('a workflow that is not enabled', () => {
  const input = {
    agents: [agent(), agent({ id: 'two', capsuleId: '' }), agent({ id: 'three' })],
    workflows: [
      workflow(),
      workflow({
        id: 'off',
        enabled: false,
        steps: [
          { id: 'a', agent: 'one' },
          { id: 'b', agent: 'two' },
        ],
      }),
    ],
  };

  it('is left out with the agents that only it uses, which need no capsule and no address', () => {
    const loaded = loadRegistry(input, {});
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    expect(loaded.leftOut).toEqual({ workflows: ['off'], agents: ['two'] });
    expect(loaded.registry.agents.map(({ id }) => id)).toEqual(['one', 'three']);
    expect(loaded.registry.workflows.map(({ id }) => id)).toEqual(['flow']);
    expect(problemsOf(input, { NODE_ENV: 'production' }).join()).not.toContain('CC_AGENT_URL_TWO');
  });

  it('is still checked for what it names', () => {
    const off = workflow({ id: 'off', enabled: false, steps: [{ id: 'a', agent: 'onne' }] });
    expect(problemsOf({ ...input, workflows: [workflow(), off] })).toEqual([
      expect.stringMatching(/^agents\[1\]\.capsuleId: /),
      expect.stringMatching(/^workflows\[1\]\.steps\[0\]\.agent: .*Did you mean "one"\?/),
    ]);
  });

  it('may be chosen alone, with its agents', () => {
    const { agents, workflows } = onlyWorkflow(input, 'off');
    expect([agents.map(({ id }) => id), workflows.map(({ id, enabled }) => [id, enabled])]).toEqual([
      ['one', 'two'],
      [['off', true]],
    ]);
  });
});

describe('definitionHash', () => {
  const hashOf = (over: Partial<WorkflowInput>) =>
    definitionHash(load({ agents: [agent()], workflows: [workflow(over)] }).workflow('flow'));

  it('is the same for the same definition, whatever the order of keys and whether defaults are written out', () => {
    expect(hashOf({})).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf({ input: { a: 1, b: 2 } })).toBe(hashOf({ input: { b: 2, a: 1 } }));
    expect(hashOf({ steps: [{ agent: 'one', id: 'first', timeoutSeconds: 300 }] })).toBe(hashOf({}));
  });

  it('changes with the definition', () => {
    const hashes = [
      {},
      { name: 'Other' },
      { input: { a: 1 } },
      { steps: [{ id: 'first', agent: 'one', timeoutSeconds: 299 }] },
    ];
    expect(new Set(hashes.map(hashOf)).size).toBe(hashes.length);
  });
});

describe('agentVariables', () => {
  it('names them after the id', () => {
    expect(agentVariables('my-new-agent')).toEqual({
      capsuleId: 'CC_CAPSULE_ID_MY_NEW_AGENT',
      baseUrl: 'CC_AGENT_URL_MY_NEW_AGENT',
      secret: 'CC_AGENT_SECRET_MY_NEW_AGENT',
    });
  });
});
