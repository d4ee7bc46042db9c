import fc from 'fast-check';
import { canonicalJson } from '../../src/domain/canonical-json';

describe('canonicalJson', () => {
  it('orders keys by code unit, also those that look like numbers, and writes no white space', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true, 10: 0, 9: 0 })).toBe(
      '{"10":0,"9":0,"a":true,"b":[1,{"c":"x","d":null}]}',
    );
    expect(
      canonicalJson({
        '\u20ac': 1,
        '\r': 2,
        '\ufb33': 3,
        '1': 4,
        '\ud83d\ude00': 5,
        '\u0080': 6,
        '\u00f6': 7,
      }),
    ).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  });

  it('leaves out undefined members and honours toJSON', () => {
    expect(canonicalJson({ a: undefined, at: new Date(0), list: [undefined, Number.NaN] })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","list":[null,null]}',
    );
  });

  it('refuses what has no JSON, and what nests without end', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(() => canonicalJson(undefined)).toThrow(TypeError);
    expect(() => canonicalJson({ n: 1n })).toThrow(TypeError);
    expect(() => canonicalJson(cycle)).toThrow(RangeError);
  });

  it('gives the same text for a value and what is read back of it, in any order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      }),
    );
  });
});
