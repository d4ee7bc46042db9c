/**
 * JSON with object keys in code-unit order and no white space: the same value always gives the same
 * text, so it can be hashed. Undefined members are left out, as in JSON.stringify. Rules after
 * RFC 8785; numbers are written as JavaScript writes them, which is what the RFC prescribes.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}
