/** Takes secrets out of what was delivered, before anything of it is kept. */

export const REDACTED = '«redacted»';

/** Headers that carry a credential by their purpose. */
const CREDENTIALS = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);
/** Names, of headers and of query parameters, that promise a secret. `webhook-signature` is none: it is a proof. */
const SECRET_NAME = /token|secret|passw|api-?_?key|(^|[-_])(auth|key|sig|signature)$/i;
const PUBLIC_NAMES = new Set(['webhook-signature', 'idempotency-key']);
/** A path's part of this length, and no UUID, is most likely unguessable on purpose. */
const TOKEN_LIKE = /^(?=.*\d)[\w.~-]{32,}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** An address with a token, within a text. */
const TOKEN_IN_TEXT = /([?&](?:token|secret|key|sig|signature|auth)=)[^&\s"'\\<>]+/gi;

const MAX_HEADERS = 100;
const MAX_HEADER_CHARS = 2_000;
const MAX_PATH_CHARS = 2_000;

/**
 * Path and query without what is secret in them.
 * @param known a part of the path that is a name, whatever it looks like
 */
export function redactPath(path: string, known?: string): string {
  const [pathname = '', ...rest] = path.slice(0, MAX_PATH_CHARS).split('?');
  const parts = pathname
    .split('/')
    .map((part) => (part !== known && TOKEN_LIKE.test(part) && !UUID.test(part) ? REDACTED : part));
  const query = rest
    .join('?')
    .split('&')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return value.length > 0 && SECRET_NAME.test(name) ? `${name}=${REDACTED}` : pair;
    });
  return rest.length === 0 ? parts.join('/') : `${parts.join('/')}?${query.join('&')}`;
}

/** Headers by their lower-case names, values of several joined. */
export function redactHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  secrets: readonly string[],
): Record<string, string> {
  const entries = Object.entries(headers).slice(0, MAX_HEADERS);
  return Object.fromEntries(
    entries.flatMap(([name, value]) => {
      if (value === undefined) return [];
      const text = typeof value === 'string' ? value : value.join(', ');
      return [[name, isSecret(name) ? REDACTED : redactText(text, secrets).slice(0, MAX_HEADER_CHARS)]];
    }),
  );
}

const isSecret = (header: string): boolean =>
  !PUBLIC_NAMES.has(header) && (CREDENTIALS.has(header) || SECRET_NAME.test(header));

/** A text without the given secrets and without tokens of addresses. */
export function redactText(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .flatMap(spellings)
    .reduce((clean, secret) => clean.replaceAll(secret, REDACTED), text)
    .replace(TOKEN_IN_TEXT, `$1${REDACTED}`);
}

/** As it is, within JSON, and within an address. */
const spellings = (secret: string): string[] => [
  ...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]),
];

/**
 * A body without secrets: the same bytes where it holds none, so that its signature still holds.
 * A claim's secret is taken out by its place, for it may be wrong and yet somebody's.
 */
export function redactBody(body: Buffer, secrets: readonly string[]): Buffer {
  const text = body.toString('utf8');
  const withoutClaim = claimWithoutSecret(text);
  const clean = redactText(withoutClaim ?? text, secrets);
  return clean === text ? body : Buffer.from(clean);
}

function claimWithoutSecret(text: string): string | undefined {
  if (!text.includes('"secret"')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON: whatever follows the word may be the secret.
    return text.replace(/"secret"[^]*/, `"secret": ${REDACTED}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !('secret' in value))
    return undefined;
  return JSON.stringify({ ...value, secret: REDACTED });
}
