import fc from 'fast-check';
import { canonicalJson } from '../../src/domain/canonical-json';
import { DIFF_LIMITS, diffOutputs, diffValues } from '../../src/domain/diff';

const outputs = (of: Record<string, Record<string, unknown>>) => new Map(Object.entries(of));

it('names each place that was added, removed or changed', () => {
  const before = { title: 'a', pages: [1, 2, { url: 'x' }], gone: true, same: { deep: [1] } };
  const after = { title: 'b', pages: [1, 3, { url: 'x', size: 2 }], same: { deep: [1] } };
  expect(diffValues(before, after)).toEqual({
    count: 4,
    listed: [
      { path: ['title'], kind: 'changed', old: 'a', new: 'b' },
      { path: ['pages', '1'], kind: 'changed', old: 2, new: 3 },
      { path: ['pages', '2', 'size'], kind: 'added', new: 2 },
      { path: ['gone'], kind: 'removed', old: true },
    ],
  });
});

it('tells a list from an object, null from nothing, and an empty list from a full one', () => {
  expect(diffValues({ a: [] }, { a: {} }).count).toBe(1);
  expect(diffValues({ a: null }, {}).listed).toEqual([{ path: ['a'], kind: 'removed', old: null }]);
  expect(diffValues({ a: [] }, { a: [1] }).listed).toEqual([{ path: ['a', '0'], kind: 'added', new: 1 }]);
});

it('compares step by step, in the order of the first run', () => {
  const a = outputs({ crawl: { n: 1 }, write: { n: 1 }, old: {} });
  const b = outputs({ fresh: {}, write: { n: 1 }, crawl: { n: 2 } });
  expect(diffOutputs(a, b).map(({ stepId, kind }) => [stepId, kind])).toEqual([
    ['crawl', 'different'],
    ['write', 'same'],
    ['old', 'only-in-a'],
    ['fresh', 'only-in-b'],
  ]);
});

it('is bounded: in changes of a step, in all, and in the length of a value', () => {
  const limits = { ...DIFF_LIMITS, changes: 3, total: 4, valueChars: 10 };
  const many = (value: number) => Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, value]));
  const steps = diffOutputs(outputs({ x: many(1), y: many(1) }), outputs({ x: many(2), y: many(2) }), limits);
  expect(steps.map((s) => [s.changes.length, s.more])).toEqual([
    [3, 7],
    [1, 9],
  ]);
  const [change] = diffValues({ text: 'x'.repeat(99) }, { text: 1 }, limits).listed;
  expect(change?.old).toBe(`"${'x'.repeat(9)}…`);
  const wide = { ...limits, compared: 1 };
  expect(diffValues({ a: { b: 1 } }, { a: { b: 2 } }, wide).listed).toMatchObject([
    { path: ['a'], kind: 'changed' },
  ]);
});

it('finds no difference exactly where there is none', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (a, b) => {
        const copy = JSON.parse(JSON.stringify(a)) as typeof a;
        expect(diffValues(copy, JSON.parse(JSON.stringify(a))).count).toBe(0);
        const isSame = diffValues(copy, JSON.parse(JSON.stringify(b))).count === 0;
        expect(isSame).toBe(canonicalJson(a) === canonicalJson(b));
      },
    ),
  );
});
