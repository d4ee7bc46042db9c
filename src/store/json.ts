/**
 * JSON as every store can hold it. Postgres refuses NUL and half a surrogate pair in text; agents
 * send both, e.g. when they cut a page's text in the middle of an emoji. Each becomes U+FFFD: to
 * refuse them would make a result that can never be delivered.
 */
export const storableJson = (value: unknown): string => replaceUnstorable(JSON.stringify(value));

/**
 * Does the same to JSON that is text already. JSON.stringify escapes exactly these two (whole pairs
 * stay as they are), so only escapes have to be looked at.
 */
export function replaceUnstorable(json: string): string {
  if (!json.includes('\\u')) return json;
  return json.replace(ESCAPE, (escape, unstorable: string | undefined) =>
    unstorable === undefined ? escape : '\ufffd',
  );
}

/** Any escape, so that the backslash in an escaped backslash begins none; the unstorable ones captured. */
const ESCAPE = /\\(?:(u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})|[^])/g;
