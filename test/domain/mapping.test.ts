import fc from 'fast-check';
import { mapped, Mapping, MAX_MAPPED } from '../../src/domain/mapping';

const told = {
  body: { repository: { name: 'site' }, commits: [{ id: 'c1' }, { id: 'c2' }], none: null, 'a.b': 1 },
  headers: { 'x-event': 'push' },
};

it('puts values under names', () => {
  const mapping = { name: 'body.repository.name', second: 'body.commits.1.id', event: 'headers.x-event' };
  expect(mapped(mapping, told)).toEqual({ name: 'site', second: 'c2', event: 'push' });
});

it('takes whole objects, keys with a dot, fixed values and defaults', () => {
  const mapping: Mapping = {
    repository: 'body.repository',
    dotted: ['body', 'a.b'],
    fixed: { value: { deep: [1] } },
    nothing: { value: null },
    branch: { path: 'body.branch', default: 'main' },
    kept: { path: 'body.repository.name', default: 'other' },
  };
  expect(mapped(mapping, told)).toEqual({
    repository: { name: 'site' },
    dotted: 1,
    fixed: { deep: [1] },
    nothing: null,
    branch: 'main',
    kept: 'site',
  });
});

it('leaves out what is not there, and keeps a null that is', () => {
  const mapping = { missing: 'body.no.such', beyond: 'body.commits.9.id', none: 'body.none' };
  expect(mapped(mapping, told)).toEqual({ none: null });
});

it('reads own keys only, and takes any name for a name', () => {
  expect(mapped({ a: 'body.constructor', b: 'body.__proto__', c: 'body.commits.length' }, told)).toEqual({
    c: 2,
  });
  const mapping = JSON.parse('{"__proto__": "body.repository.name"}') as Mapping;
  const input = mapped(mapping, told);
  expect(Object.entries(input)).toEqual([['__proto__', 'site']]);
  expect(Object.getPrototypeOf(input)).toBe(Object.prototype);
});

it('gives back any value that is where the path says', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(mapped({ it: 'body.place' }, { body: { place: value } })).toEqual({ it: value });
    }),
  );
});

it('is data of a known shape', () => {
  expect(Mapping.safeParse({ a: 'body.x', b: ['body', 'x'], c: { value: 1 } }).success).toBe(true);
  for (const wrong of [
    { a: '' },
    { a: 'body..x' },
    { a: 1 },
    { a: { path: 'x' } },
    { a: { code: 'x' } },
    { '': 'x' },
  ]) {
    expect([wrong, Mapping.safeParse(wrong).success]).toEqual([wrong, false]);
  }
  const many = Object.fromEntries(Array.from({ length: MAX_MAPPED + 1 }, (_, i) => [`n${i}`, 'body.x']));
  expect(Mapping.safeParse(many).success).toBe(false);
});
