/** Small calculations of the dashboard. */
import { histogram } from '../../dashboard/src/screens/capsules/histogram';
import { MAX_VIEWS, parseViews, withView } from '../../dashboard/src/screens/runs/saved';

test('bins hold every value once, the highest too', () => {
  const values = [100, 110, 120, 200, 400, 500, 500, 900, 1_000, 1_000];
  const bins = histogram(values);
  expect(bins).toHaveLength(8);
  expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
  expect([bins[0]?.from, bins.at(-1)?.to, bins.at(-1)?.count]).toEqual([100, 1_000, 3]);
  expect(histogram([7, 7, 7])).toEqual([{ from: 7, to: 8, count: 3 }]);
});

test('saved views: a name once, the oldest go, and nothing but views is taken for one', () => {
  const a = { name: 'a', query: 'status=failed' };
  expect(withView([a, { name: 'b', query: '' }], { name: 'a', query: '' })).toEqual([
    { name: 'b', query: '' },
    { name: 'a', query: '' },
  ]);
  const many = Array.from({ length: MAX_VIEWS }, (_, i) => ({ name: String(i), query: '' }));
  expect(withView(many, a)).toEqual([...many.slice(1), a]);
  expect(parseViews(JSON.stringify([a, { name: 1 }, null, 'x']))).toEqual([a]);
  expect([parseViews(null), parseViews('{'), parseViews('{}')]).toEqual([[], [], []]);
});
