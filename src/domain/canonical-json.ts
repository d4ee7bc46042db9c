/** Deeper nesting than any honest document has; a hostile one must not exhaust the stack. */
const MAX_DEPTH = 1_000;

/**
 * JSON with object keys in code-unit order and no white space: the same value always gives the same
 * text, so it can be hashed. Rules after RFC 8785; numbers are written as JavaScript writes them,
 * which is what the RFC prescribes. What cannot be said in JSON is treated as JSON.stringify does, so
 * that a value and what is read back of it after storing give the same text.
 * @throws TypeError when there is nothing to write (undefined, a function) or on a bigint
 * @throws RangeError when nested more than {@link MAX_DEPTH} deep, as a cycle is
 */
export function canonicalJson(value: unknown): string {
  const text = write(value, 0);
  if (text === undefined) throw new TypeError(`cannot write ${typeof value} as JSON`);
  return text;
}

function write(given: unknown, depth: number): string | undefined {
  const value = hasToJson(given) ? given.toJSON() : given;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (depth === MAX_DEPTH) throw new RangeError(`cannot write JSON nested more than ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1) ?? 'null').join(',')}]`;
  const members: string[] = [];
  // The default sort of strings is by code unit, as the RFC has it.
  for (const key of Object.keys(value).sort()) {
    const member = write((value as Record<string, unknown>)[key], depth + 1);
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${member}`);
  }
  return `{${members.join(',')}}`;
}

function hasToJson(value: unknown): value is { toJSON: () => unknown } {
  return (
    typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function'
  );
}
