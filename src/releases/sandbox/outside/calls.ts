/** Calls of an agent to what is outside: how one is known again, and what of it is kept. Never anything secret. */
import { z } from 'zod';
import { canonicalJson } from '../../../domain/canonical-json';
import { sha256, Sha256 } from '../../../domain/release/manifest';
import { withoutSecrets } from '../../../domain/release/static-check';

/** Of one request or answer, and so of what is kept of it. */
export const MAX_CALL_BYTES = 1024 * 1024;
/** Answers to the same request, in their order; from then on the last one is given. */
export const MAX_ANSWERS = 20;
export const REDACTED = '[redacted]';

export interface OutsideRequest {
  method: string;
  /** Whole, with its scheme and host. */
  url: string;
  contentType: string;
  body: Buffer;
}

export const OutsideAnswer = z.strictObject({
  status: z.number().int().min(200).max(599),
  headers: z.record(z.string(), z.string()),
  encoding: z.enum(['utf8', 'base64']),
  body: z.string(),
});
export type OutsideAnswer = z.infer<typeof OutsideAnswer>;

export const Recording = z.strictObject({
  /** Without what is secret; `body` is the SHA-256 of what was sent, left out where nothing was. */
  request: z.strictObject({ method: z.string(), url: z.string(), body: Sha256.optional() }),
  answers: z.array(OutsideAnswer).min(1).max(MAX_ANSWERS),
});
export type Recording = z.infer<typeof Recording>;

/** What of an answer an agent may go by; cookies are secrets. */
const KEPT_HEADERS = [
  'content-type',
  'location',
  'link',
  'retry-after',
  'etag',
  'last-modified',
  'cache-control',
];
/** Fields, by their names, whose values open something. */
const SECRET_FIELD =
  /^(access|refresh|id|auth|session|bearer|api)[_-]?(token|key)$|secret|passw(or)?d|^(private[_-]?key|credentials?|assertion|signature|sig|authorization)$/i;
const SECRET_PARAMETER = /^(key|token|code)$/i;
/** Shorter values are found everywhere. */
const MIN_SECRET = 8;

/** Takes secrets out of what is kept and shown: those that are known, those named so, and those that look so. */
export class Redactor {
  private readonly known: Map<string, string>;

  /** @param secrets values, with the names of the variables that hold them */
  constructor(secrets: ReadonlyArray<readonly [value: string, name: string]>) {
    this.known = new Map(
      secrets.flatMap(([value, name]) => (value.length < MIN_SECRET ? [] : [[value, `[${name}]`] as const])),
    );
  }

  text(text: string): string {
    let left = text;
    for (const [value, by] of this.known)
      left = left.replaceAll(value, by).replaceAll(encodeURIComponent(value), by);
    return withoutSecrets(left, REDACTED);
  }

  url(text: string): string {
    const url = new URL(text);
    [url.username, url.password, url.hash] = ['', '', ''];
    for (const name of new Set(url.searchParams.keys()))
      if (this.isSecret(name, SECRET_PARAMETER)) url.searchParams.set(name, REDACTED);
    return this.text(url.href);
  }

  /** JSON in one form, forms and other texts as they are. */
  body(body: string, contentType: string): string {
    if (contentType.includes('json') || /^\s*[{[]/.test(body)) {
      const parsed = parsedJson(body);
      if (parsed !== undefined) return this.text(canonicalJson(this.fields(parsed)));
    }
    if (!contentType.includes('x-www-form-urlencoded')) return this.text(body);
    const form = new URLSearchParams(body);
    for (const name of new Set(form.keys()))
      if (this.isSecret(name, SECRET_PARAMETER)) form.set(name, REDACTED);
    return this.text(form.toString());
  }

  private fields(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.fields(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        if (typeof inner !== 'string' || !this.isSecret(name)) return [name, this.fields(inner)];
        // What was given out here comes back in later requests.
        if (inner.length >= MIN_SECRET && inner !== REDACTED) this.known.set(inner, REDACTED);
        return [name, REDACTED];
      }),
    );
  }

  private isSecret = (name: string, more?: RegExp): boolean =>
    SECRET_FIELD.test(name) || (more?.test(name) ?? false);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a request is known by: its method, address and content; no header is part of it. */
export function requestOf(
  { method, url, contentType, body }: OutsideRequest,
  redactor: Redactor,
): Recording['request'] {
  const sent = body.length === 0 ? undefined : redactor.body(body.toString('utf8'), contentType);
  return { method, url: redactor.url(url), ...(sent !== undefined && { body: sha256(sent) }) };
}

export const hashOf = (request: Recording['request']): string => sha256(canonicalJson(request));

/** What is kept of an answer. */
export function answerOf(
  status: number,
  headers: ReadonlyArray<readonly [string, string]>,
  body: Buffer,
  redactor: Redactor,
): OutsideAnswer {
  const kept = headers
    .map(([name, value]) => [name.toLowerCase(), redactor.text(value)] as const)
    .filter(([name]) => KEPT_HEADERS.includes(name));
  const text = body.toString('utf8');
  const isText = Buffer.from(text, 'utf8').equals(body);
  const type = kept.find(([name]) => name === 'content-type')?.[1] ?? '';
  return {
    ...{ status, headers: Object.fromEntries(kept), encoding: isText ? 'utf8' : 'base64' },
    body: isText ? redactedText(text, type, redactor) : body.toString('base64'),
  };
}

/** As it came where nothing of it is secret: the order of its fields may be looked at. */
function redactedText(text: string, contentType: string, redactor: Redactor): string {
  const parsed = contentType.includes('json') ? parsedJson(text) : undefined;
  const plain = parsed === undefined ? text : canonicalJson(parsed);
  const redacted = redactor.body(text, contentType);
  return redacted === plain ? text : redacted;
}
