import { createHash } from 'node:crypto';

/** The same for the same parts, whoever makes it and how often: a UUID (version 8) of what it is for. */
export function derivedId(...parts: ReadonlyArray<string | number>): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  const groups = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `a${hash.slice(17, 20)}`];
  return [...groups, hash.slice(20, 32)].join('-');
}
