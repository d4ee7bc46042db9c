import { Recent } from '../../src/domain/recent';
import { Seen } from '../../src/domain/seen';

const name = (n: number): string => `name ${n}`;

describe('what was told last', () => {
  it('is remembered, at least half as much as is allowed and never more', () => {
    const most = 10;
    const recent = new Recent<number>(most);
    for (let n = 0; n < 100; n += 1) {
      recent.set(name(n), n);
      const known = [...Array(n + 1).keys()].filter((each) => recent.get(name(each)) !== undefined);
      expect(known.length).toBeLessThanOrEqual(most);
      expect(known).toEqual(expect.arrayContaining([...Array(n + 1).keys()].slice(-most / 2)));
      for (const each of known) expect(recent.get(name(each))).toBe(each);
    }
  });

  it('has the newest value of a name', () => {
    const recent = new Recent<number>(4);
    for (const [each, value] of [
      [0, 1],
      [1, 1],
      [0, 2],
    ] as const)
      recent.set(name(each), value);
    expect(recent.get(name(0))).toBe(2);
  });

  it('is counted once', () => {
    const seen = new Seen(10);
    expect([seen.has('a'), seen.first('a'), seen.first('a'), seen.has('a')]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });
});
