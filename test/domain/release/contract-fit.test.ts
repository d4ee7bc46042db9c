/** Uses of an agent, and whether what it takes and gives fits them. */
import { contractFindings, type FitInput } from '../../../src/domain/release/contract-fit';
import { usesOf, type AgentUse } from '../../../src/domain/release/uses';
import type { AgentSchemas } from '../../../src/domain/release/validation';
import { loadRegistry, planFor, type WorkflowInput } from '../../../src/registry';

const usesIn = (workflow: Omit<WorkflowInput, 'id' | 'name'>): AgentUse[] => {
  const agents = ['crawler', 'writer'].map((id) => ({
    ...{ id, name: id, capsuleId: `cap-${id}`, baseUrl: 'http://localhost:3101' },
  }));
  const given = { agents, workflows: [{ id: 'w', name: 'W', ...workflow }] };
  const answer = loadRegistry(given, {});
  if (!answer.ok) throw new Error(JSON.stringify(answer.problems));
  const { registry } = answer;
  const [loaded] = registry.workflows;
  if (!loaded) throw new Error('one workflow is declared');
  return usesOf({
    ...{ id: loaded.id, input: loaded.input, plan: planFor(loaded, registry) },
    isScheduled: loaded.schedule?.enabled ?? false,
    isTriggered: loaded.on !== undefined,
  });
};
const schedule = { cron: '0 9 * * 1', timezone: 'UTC' };
const object = (properties: Record<string, unknown>, required: string[] = [], isClosed = true) => ({
  ...{ type: 'object', properties, required },
  ...(isClosed && { additionalProperties: false }),
});
const text = { type: 'string' };
const number = { type: 'number' };

describe('the uses of an agent', () => {
  it('tell what is given, what comes before, and what is read', () => {
    const [crawl, write, each] = usesIn({
      schedule,
      input: { site: 'x' },
      steps: [
        { id: 'crawl', agent: 'crawler', input: { depth: 1, site: 'y' } },
        { id: 'write', agent: 'writer', when: { path: 'steps.crawl.pages', exists: true } },
        { id: 'each', agent: 'writer', needs: ['crawl'], forEach: { items: 'steps.crawl.pages' } },
      ],
    });
    expect(crawl).toMatchObject({
      ...{ agentId: 'crawler', gives: { depth: 1, site: 'x' }, after: [], isOpen: false },
      reads: [
        { path: ['pages'], by: 'write' },
        { path: ['pages'], by: 'each' },
      ],
    });
    expect(write).toMatchObject({ after: [{ stepId: 'crawl', agentId: 'crawler' }], reads: [] });
    expect(each).toMatchObject({ agentId: 'writer', isOpen: true });
  });
});

describe('the fit', () => {
  const pipeline = {
    schedule,
    steps: [
      { id: 'crawl', agent: 'crawler' },
      { id: 'write', agent: 'writer' },
    ],
  };
  const findings = (own: AgentSchemas, uses: AgentUse[], more: Partial<FitInput> = {}) =>
    contractFindings({ agentId: 'writer', own, uses, others: new Map(), ...more });
  const crawler = (output: AgentSchemas['output']) => new Map([['crawler', { ...(output && { output }) }]]);

  it.each<[string, AgentSchemas, AgentUse[], Partial<FitInput>, string[]]>([
    ['nobody uses it', {}, [], {}, []],
    ['it does not tell what it takes', {}, usesIn(pipeline), {}, ['inconclusive']],
    [
      'what it needs comes from before',
      { input: object({ pages: text }, ['pages']) },
      usesIn(pipeline),
      { others: crawler(object({ pages: text })) },
      [],
    ],
    [
      'what comes from before is of another type',
      { input: object({ pages: text }, ['pages']) },
      usesIn(pipeline),
      { others: crawler(object({ pages: number })) },
      ['fail'],
    ],
    [
      'whole numbers are numbers',
      { input: object({ n: number }) },
      usesIn(pipeline),
      { others: crawler(object({ n: { type: 'integer' } })) },
      [],
    ],
    [
      'nothing gives what it needs',
      { input: object({ pages: text }, ['pages']) },
      usesIn(pipeline),
      { others: crawler(object({ other: text })) },
      ['fail'],
    ],
    [
      'who comes before does not tell what it gives',
      { input: object({ pages: text }, ['pages']) },
      usesIn(pipeline),
      {},
      ['inconclusive'],
    ],
    [
      'whoever starts it may give it',
      { input: object({ pages: text }, ['pages']) },
      usesIn({ steps: [{ id: 'write', agent: 'writer' }] }),
      {},
      [],
    ],
    [
      'the workflow fixes what does not fit',
      { input: object({ days: number }) },
      usesIn({ schedule, input: { days: 'many' }, steps: [{ id: 'write', agent: 'writer' }] }),
      {},
      ['fail'],
    ],
    [
      'a condition reads what it does not give',
      { input: object({}), output: object({ score: number }) },
      usesIn({
        steps: [
          { id: 'write', agent: 'writer' },
          { id: 'crawl', agent: 'crawler', when: { path: 'steps.write.scores', greaterThan: 1 } },
        ],
      }),
      {},
      ['fail'],
    ],
    [
      'a condition reads what it gives, in a list',
      { input: object({}), output: object({ all: { type: 'array', items: object({ score: number }) } }) },
      usesIn({
        steps: [
          { id: 'write', agent: 'writer' },
          { id: 'crawl', agent: 'crawler', when: { path: 'steps.write.all.0.score', greaterThan: 1 } },
        ],
      }),
      {},
      [],
    ],
    [
      'what it did does not fit what it says',
      { output: object({ score: number }) },
      [],
      { sample: { input: {}, output: { score: 'high' } } },
      ['fail'],
    ],
  ])('%s', (_what, own, uses, more, expected) => {
    expect(findings(own, uses, more).map((f) => f.verdict)).toEqual(expected);
  });

  it('takes nothing away that an agent after it needs', () => {
    const uses = usesIn(pipeline);
    const others = new Map([['writer', { input: object({ pages: text }, ['pages']) }]]);
    const given = (output: AgentSchemas['output']) =>
      contractFindings({
        agentId: 'crawler',
        own: { input: object({}), ...(output && { output }) },
        uses,
        others,
      });
    expect(given(object({ pages: text }))).toEqual([]);
    expect(given(object({ sites: text }))).toEqual([
      { verdict: 'fail', message: 'w/write needs pages, and nothing gives it' },
    ]);
  });
});
