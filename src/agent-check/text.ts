/** Turns what an agent sent into text for people. */

const QUOTE_CHARS = 200;
/** What a terminal would obey instead of showing: control characters and overriding directions. */
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g;

/** A value as JSON, or a text as it is, cut to a line. */
export function quote(value: unknown, maxChars = QUOTE_CHARS): string {
  const text = (typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))).trim();
  const line = text.replace(UNPRINTABLE, ' ');
  if (line === '') return '(empty)';
  return line.length > maxChars ? `${line.slice(0, maxChars)}…` : line;
}

/** `HTTP 200 {"status":"up"}` */
export const quoteAnswer = ({ status, text }: { status: number; text: string }): string =>
  `HTTP ${status} ${quote(text)}`;

export const seconds = (ms: number): string => `${Number((ms / 1_000).toFixed(ms < 1_000 ? 2 : 1))} s`;

/** Makes a function that takes secrets, and the tokens of addresses, out of a text. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  return (text) =>
    secrets
      .filter((secret) => secret !== '')
      .reduce((clean, secret) => clean.replaceAll(secret, '«redacted»'), text)
      .replace(/([?&]token=)[^&\s"']+/g, '$1«redacted»')
      .replace(UNPRINTABLE, ' ');
}
