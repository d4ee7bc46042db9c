/** What a replay is about, what it is going to take, and what two deliveries may differ in. */
import { parse } from 'yaml';
import { parseStrategy } from '../../../src/domain/rollout/parse-strategy';
import { canShow, forecastOf, marginFor } from '../../../src/domain/rollout/replay';
import { differencesOf, EXACT, type Tolerance } from '../../../src/domain/rollout/tolerance';

const tolerance = (more: Partial<Tolerance>): Tolerance => ({ ...EXACT, ...more });

describe('two outputs', () => {
  it.each<[string, unknown, unknown, Partial<Tolerance>, string[]]>([
    ['the same', { a: [1, { b: 'x' }] }, { a: [1, { b: 'x' }] }, {}, []],
    ['the same in another order of keys', { a: 1, b: 2 }, { b: 2, a: 1 }, {}, []],
    ['a text that differs', { a: { b: 'x' } }, { a: { b: 'y' } }, {}, ['a.b']],
    ['a field that is missing', { a: 1, b: 1 }, { a: 1 }, {}, ['b']],
    ['a field that is new', { a: 1 }, { a: 1, 'b.c': null }, {}, ['b.c']],
    ['another kind of value', { a: [1] }, { a: { 0: 1 } }, {}, ['a']],
    ['nothing against something', null, { a: 1 }, {}, ['the output']],
    ['numbers that rounding parts', { a: 0.1 + 0.2 }, { a: 0.3 }, {}, []],
    ['numbers within the share', { a: 100, b: -100 }, { a: 101, b: -101 }, { numbers: 0.01 }, []],
    ['numbers beyond the share', { a: 100, b: 0 }, { a: 102, b: 0.1 }, { numbers: 0.01 }, ['a', 'b']],
    ['a number against its text', { a: 1 }, { a: '1' }, { numbers: 0.5 }, ['a']],
    ['what is ignored', { m: { at: 1 }, x: 1 }, { m: { at: 2 }, x: 1 }, { ignore: [['m', 'at']] }, []],
    ['what is ignored and missing', { m: 1 }, {}, { ignore: [['m']] }, []],
    [
      'what is ignored in each entry',
      {
        l: [
          { id: 1, v: 1 },
          { id: 2, v: 2 },
        ],
      },
      { l: [{ id: 3, v: 1 }, { v: 9 }] },
      { ignore: [['l', '*', 'id']] },
      ['l.1.v'],
    ],
    ['a list in its order', { l: ['a', 'b'] }, { l: ['b', 'a'] }, {}, ['l.0', 'l.1']],
    ['a list as a set', { l: ['a', 'b'] }, { l: ['b', 'a', 'a'] }, { sets: [['l']] }, []],
    ['a set that lacks one', { l: ['a', 'b'] }, { l: ['b'] }, { sets: [['l']] }, ['l']],
    [
      'a set of what is partly ignored',
      {
        l: [
          { id: 1, v: 1 },
          { id: 2, v: 2 },
        ],
      },
      {
        l: [
          { id: 8, v: 2 },
          { id: 9, v: 1 },
        ],
      },
      { sets: [['l']], ignore: [['l', '*', 'id']] },
      [],
    ],
    ['sets in lists', [{ t: [1, 2] }], [{ t: [2, 1] }], { sets: [['*', 't']] }, []],
  ])('%s', (_, a, b, more, places) => {
    expect(differencesOf(a, b, tolerance(more))).toEqual(places);
    expect(differencesOf(b, a, tolerance(more)).sort()).toEqual([...places].sort());
  });

  it('are compared within bounds, and the last of many values is not overlooked', () => {
    const list = Array.from({ length: 60_000 }, (_, i) => i);
    expect(differencesOf(list, [...list.slice(0, -1), -1], EXACT)).toEqual(['59999']);
    expect(
      differencesOf(
        list,
        list.map((n) => n + 1),
        EXACT,
      ),
    ).toHaveLength(200);
  });
});

describe('a forecast', () => {
  const on = { concurrency: 2, bootMs: 5_000, pricePerHourUsd: 3.6 };
  const tasks = (...ms: number[]) => ms.map((durationMs) => ({ durationMs, costUsd: 0.5 }));

  it.each([
    ['nothing', [], { seconds: 0, costUsd: 0 }],
    ['tasks side by side, after the boot', tasks(10_000, 10_000, 10_000), { seconds: 20, costUsd: 1.52 }],
    ['one long task', tasks(1_000, 30_000), { seconds: 35, costUsd: 1.035 }],
    ['tasks of which one time is not known', [...tasks(4_000, 4_000), {}], { seconds: 11, costUsd: 1.011 }],
  ])('of %s', (_, list, expected) => {
    const { seconds, costUsd } = forecastOf(list, on);
    expect(seconds).toBeCloseTo(expected.seconds, 6);
    expect(costUsd).toBeCloseTo(expected.costUsd, 6);
  });
});

it('asks for no margin that its number of tasks cannot show', () => {
  expect([100, 60, 20, 5, 1].map(marginFor)).toEqual([0.05, 0.08, 0.2, 0.58, 0.98]);
  for (let tasks = 1; tasks <= 200; tasks += 1) expect(canShow(tasks, marginFor(tasks))).toBe(true);
  expect(canShow(20, 0.19)).toBe(false);
});

const read = (yaml: string) => parseStrategy(parse(yaml));

it('reads a replay with all that belongs to it, and with its defaults', () => {
  const all = read(`
strategy: canary
compare: [output_equivalence]
stages:
  - warm_up: 30s
  - replay: { tasks: 40, since: 7d, within: 30m, margin: 15%, where: sandbox, unrecorded: ask, tolerance: { numbers: 2%, ignore: [meta.at], sets: ['*.tags'] } }
  - shadow: { for: 1h, tolerance: { ignore: [id] } }
  - canary: 5%
  - full: 100%`);
  expect(all).toMatchObject({ ok: true });
  if (!all.ok) return;
  expect(all.strategy.stages.slice(1, 3)).toEqual([
    {
      ...{ kind: 'replay', tasks: 40, sinceMs: 604_800_000, withinMs: 1_800_000, margin: 0.15 },
      ...{ compare: ['output_equivalence'], where: 'sandbox', unrecorded: 'ask' },
      tolerance: { numbers: 0.02, ignore: [['meta', 'at']], sets: [['*', 'tags']] },
    },
    {
      ...{ kind: 'shadow', forMs: 3_600_000, compare: ['output_equivalence'] },
      tolerance: { numbers: expect.closeTo(EXACT.numbers) as number, ignore: [['id']], sets: [] },
    },
  ]);
  const short = read('{strategy: blue-green, stages: [replay: 20, switch: instant]}');
  expect(short).toMatchObject({
    ok: true,
    strategy: {
      stages: [{ tasks: 20, sinceMs: 2_592_000_000, where: 'capsule', unrecorded: 'refuse' }, {}],
    },
  });
});

it.each([
  ['replay: all', 'stages[0].replay', 'is to be a whole number from 1 to 200'],
  ['replay: {where: moon}', 'stages[0].replay.where', 'is to be capsule or sandbox'],
  ['replay: {unrecorded: 1}', 'stages[0].replay.unrecorded', 'is to be refuse or ask'],
  ['replay: {tasks: 201}', 'stages[0].replay.tasks', 'from 1 to 200'],
  ['replay: {taks: 20}', 'stages[0].replay.taks', 'use tasks, since'],
  ['replay: {since: 100d}', 'stages[0].replay.since', '90 days at most'],
  ['replay: {within: instant}', 'stages[0].replay.within', 'is no time'],
  ['replay: {tasks: 20, margin: 5%}', 'stages[0].replay.margin', 'take 20% or more, or more tasks'],
  ['replay: {margin: none}', 'stages[0].replay.margin', 'write e.g. 5%'],
  ['replay: {tolerance: 1%}', 'stages[0].replay.tolerance', 'is to be an object'],
  ['replay: {tolerance: {number: 1%}}', 'stages[0].replay.tolerance.number', 'use numbers, ignore, sets'],
  ['replay: {tolerance: {numbers: much}}', 'stages[0].replay.tolerance.numbers', 'write e.g. 1%'],
  ['replay: {tolerance: {ignore: id}}', 'stages[0].replay.tolerance.ignore', 'is to be a list'],
  ['replay: {tolerance: {sets: [a..b]}}', 'stages[0].replay.tolerance.sets[0]', 'items.*.id'],
  ['shadow: {for: 1h, within: 2h}', 'stages[0].shadow.within', 'use for, tolerance'],
])('says what is wrong with %s', (stage, at, message) => {
  const parsed = read(`{strategy: blue-green, stages: [${stage}, switch: instant]}`);
  if (parsed.ok) throw new Error('it was taken');
  const found = parsed.problems.find((p) => p.at === at);
  expect(found?.message).toContain(message);
});

it('has no place in what is deployed directly, nor after a canary', () => {
  expect(read('{strategy: direct, stages: [replay: 20, switch: instant]}')).toMatchObject({ ok: false });
  const late = read('{strategy: canary, stages: [canary: 5%, replay: 20, full: 100%]}');
  expect(late).toMatchObject({
    ok: false,
    problems: [{ message: expect.stringContaining('put it before') as string }],
  });
});
