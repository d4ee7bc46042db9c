/** The rules that ask for a person, what an approval covers, and how trust is won and lost. */
import type { AgentRunResult } from '../../src/contract';
import { beyond, boundsOf, costOf } from '../../src/domain/oversight/bounds';
import {
  changeOf,
  levelOf,
  NOTHING_YET,
  sinceChange,
  type LevelRecord,
  type Standing,
} from '../../src/domain/oversight/level';
import { judge, judgeAfterwards, type Oversight } from '../../src/domain/oversight/rules';
import { NOT_OVERSEEN } from '../../src/domain/oversight/settings';

const at = '2026-01-01T00:00:00Z';
type Action = NonNullable<AgentRunResult['actions']>[number];
const act = (more: Partial<Action> = {}): Action => ({ type: 'post', at, ...more });
const result = (more: Partial<AgentRunResult> = {}): AgentRunResult => ({
  ...{ workflowId: 'w', stepId: 's', runId: '00000000-0000-4000-8000-000000000001' },
  ...{ status: 'success', output: {}, durationMs: 1 },
  ...more,
});
const oversight = (more: Partial<Oversight> = {}): Oversight => ({
  ...{ watched: true, level: 'autonomous', known: new Set(['post']), settings: NOT_OVERSEEN },
  thresholds: { spendUsd: 10, confidence: 0.8, reach: 100, riskTier: 2, askTypes: [] },
  ...more,
});

describe('a proposal', () => {
  const supervised = oversight({ level: 'supervised' });
  it.each([
    [
      'nothing out of the ordinary',
      result({ actions: [act({ costUsd: 10, reach: 100 })], confidence: 0.8, riskTier: 1 }),
      oversight(),
      [],
    ],
    ['nothing at all, supervised', result(), supervised, []],
    ['any action of a supervised agent', result({ actions: [act()] }), supervised, ['supervised']],
    ['a cent too much', result({ actions: [act({ costUsd: 10.01 })] }), oversight(), ['spend']],
    ['many small amounts', result({ actions: [act({ costUsd: 6 }), act({ costUsd: 6 })] }), oversight(), []],
    [
      'a recurring charge of nothing',
      result({ actions: [act({ recurring: true })] }),
      oversight(),
      ['recurring'],
    ],
    ['one person too many', result({ actions: [act({ reach: 101 })] }), oversight(), ['reach']],
    ['tier 2', result({ riskTier: 2 }), oversight(), ['risk']],
    ['something new', result({ actions: [act({ type: 'delete' })] }), oversight(), ['first-time']],
    ['doubt', result({ confidence: 0.79 }), oversight(), ['confidence']],
    ['no word of confidence', result({ actions: [act()] }), oversight(), []],
    ['a call for help', result({ needsHuman: 'which one?' }), oversight(), ['needs-human']],
  ] as const)('with %s asks by %j', (_what, proposed, by, rules) => {
    expect(judge(proposed, by).map(({ rule }) => rule)).toEqual(rules);
  });

  it('is judged afterwards by sizes alone, and only for what was done', () => {
    const bad = { riskTier: 3, confidence: 0.1 };
    expect(judgeAfterwards(result(bad), oversight())).toEqual([]);
    const did = result({ ...bad, actions: [act({ type: 'new' })] });
    expect(judgeAfterwards(did, oversight()).map(({ rule }) => rule)).toEqual(['risk', 'confidence']);
  });
});

describe('what was granted', () => {
  const bounds = boundsOf([act({ costUsd: 0.1, reach: 5 }), act({ costUsd: 0.2, reach: 5 })]);
  it.each([
    ['the same', [act({ costUsd: 0.3, reach: 10 })], 0],
    ['less', [act()], 0],
    ['nothing', [], 0],
    ['once more', [act(), act(), act()], 1],
    ['dearer', [act({ costUsd: 0.31 })], 1],
    ['wider', [act({ reach: 11 })], 1],
    ['recurring', [act({ recurring: true })], 1],
    ['of another type', [act({ type: 'delete' })], 1],
    ['of a type that is called like a part of every object', [act({ type: '__proto__' })], 1],
    ['wrong in every way', [act({ costUsd: 9, reach: 99, recurring: true }), act(), act()], 4],
  ])('covers what is %s', (_what, actions, faults) => {
    expect(beyond(bounds, actions)).toHaveLength(faults);
    // As it comes back from the record.
    expect(beyond(JSON.parse(JSON.stringify(bounds)) as typeof bounds, actions)).toHaveLength(faults);
  });

  it('adds up', () => {
    expect(bounds.post).toEqual({ count: 2, costUsd: 0.1 + 0.2, reach: 10 });
    expect(costOf([act({ costUsd: 2 }), act()])).toBe(2);
  });

  it('covers no more types than are looked at', () => {
    const many = Array.from({ length: 201 }, (_, i) => act({ type: `t${i}` }));
    expect(beyond(boundsOf(many), many)).toHaveLength(1);
  });
});

describe('an agent', () => {
  const record = (level: LevelRecord['level'], base = NOTHING_YET): LevelRecord => ({
    ...{ level, since: 1, reason: 'r', actor: 'engine', version: 1 },
    base,
  });
  const standing = (supervisedActions: number, incidents: number, level?: LevelRecord): Standing => ({
    ...{ agentId: 'a', known: [], counts: { supervisedActions, incidents } },
    ...(level && { level }),
  });
  const base = { supervisedActions: 50, incidents: 1 };

  it.each([
    ['by-rule', standing(49, 0), 'supervised', false],
    ['by-rule', standing(50, 0), 'autonomous', true],
    [
      'by-rule',
      standing(50, 0, record('autonomous', { supervisedActions: 50, incidents: 0 })),
      'autonomous',
      false,
    ],
    [
      'by-rule',
      standing(0, 1, record('autonomous', { supervisedActions: 50, incidents: 0 })),
      'supervised',
      true,
    ],
    // What was counted before it fell back does not count again, what comes after does.
    [
      'by-rule',
      standing(50, 1, record('supervised', { supervisedActions: 0, incidents: 1 })),
      'autonomous',
      true,
    ],
    ['by-rule', standing(99, 1, record('supervised', base)), 'supervised', false],
    ['by-rule', standing(49, 2, record('supervised', base)), 'supervised', false],
    ['by-rule', standing(50, 2, record('supervised', base)), 'autonomous', true],
    ['autonomous', standing(0, 0), 'autonomous', false],
    ['autonomous', standing(0, 1), 'supervised', true],
    ['supervised', standing(500, 0), 'supervised', false],
    ['supervised', standing(500, 0, record('autonomous')), 'supervised', false],
  ] as const)('%s, %j, is %s', (mode, of, level, changes) => {
    const rules = { mode, promoteAfter: 50 };
    expect(levelOf(rules, of)).toBe(level);
    expect(changeOf(rules, of) !== undefined).toBe(changes);
  });

  it('is counted from its last change or incident', () => {
    expect(sinceChange({ supervisedActions: 60, incidents: 1 }, { base })).toEqual({
      supervisedActions: 10,
      incidents: 0,
    });
    expect(sinceChange({ supervisedActions: 3, incidents: 2 }, { base })).toEqual({
      supervisedActions: 3,
      incidents: 1,
    });
  });
});
