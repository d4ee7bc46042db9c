/** The kinds of value a variable holds: each reads text and says in words what it accepts. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Secret } from './secret';

/** How one variable is read. */
export interface Kind<T> {
  /** From the trimmed text, or undefined when the variable is unset or blank. */
  readonly schema: () => z.ZodType<T>;
  /** What it accepts, in words that follow "Set it to". */
  readonly accepts: string;
  /** The value it takes when unset, as one would write it. */
  readonly fallback?: string;
  /** Its value is never shown, not even in an error about it. */
  readonly secret?: true;
}

/** Base URLs are joined with paths that begin with a slash. */
const withoutSlash = (url: string) => url.replace(/\/+$/, '');

export function integer(min: number, max: number, fallback: number): Kind<number> {
  const whole = () => z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max));
  return {
    schema: () => whole().default(fallback),
    accepts: `a whole number from ${min} to ${max}`,
    fallback: String(fallback),
  };
}

export function oneOf<const T extends string>(values: readonly [T, ...T[]], fallback: T): Kind<T> {
  return {
    schema: () => z.enum(values).default(fallback as never),
    accepts: `one of ${values.join(', ')}`,
    fallback,
  };
}

/** Text that may be anything but blank. */
export function words(accepts: string): Kind<string | undefined>;
export function words(accepts: string, fallback: string): Kind<string>;
export function words(accepts: string, fallback?: string): Kind<string | undefined> {
  return fallback === undefined
    ? { schema: () => z.string().optional(), accepts }
    : { schema: () => z.string().default(fallback), accepts, fallback };
}

export function secret(accepts: string, minLength = 1): Kind<Secret | undefined> {
  const schema = () =>
    z
      .string()
      .min(minLength)
      .transform((text) => new Secret(text))
      .optional();
  return { schema, accepts, secret: true };
}

/** A connection URL; secret, for it holds a password. */
export function connection(protocols: readonly string[]): Kind<Secret | undefined> {
  const schema = () =>
    z
      .string()
      .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol))
      .transform((text) => new Secret(text))
      .optional();
  return {
    schema,
    accepts: `a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    secret: true,
  };
}

/** An http or https URL to which paths are added; read without a slash at its end. */
export function baseUrl(): Kind<string | undefined> {
  const schema = () => z.string().refine(isBaseUrl).transform(withoutSlash).optional();
  return { schema, accepts: 'an http or https URL without credentials, query or fragment' };
}

/** As {@link baseUrl}, for a server that is sent credentials: plain http within this machine only. */
export function guardedUrl(): Kind<string | undefined> {
  const isSafe = (text: string) =>
    isBaseUrl(text) && (text.startsWith('https:') || isLoopbackHost(new URL(text).hostname));
  const schema = () => z.string().refine(isSafe).transform(withoutSlash).optional();
  return {
    schema,
    accepts: 'an https URL without credentials, query or fragment (http for this machine only)',
  };
}

/** A list of keys, separated by commas, each itself or as its hash; read as hashes. */
export function hashedKeys(minLength: number): Kind<readonly string[]> {
  const key = () =>
    z
      .string()
      .refine((text) =>
        text.startsWith('sha256:') ? /^sha256:[0-9a-f]{64}$/i.test(text) : text.length >= minLength,
      )
      .transform((text) => (text.startsWith('sha256:') ? text.toLowerCase() : hashOf(text)));
  const schema = () =>
    z
      .string()
      .transform((list) =>
        list
          .split(',')
          .map((text) => text.trim())
          .filter((text) => text !== ''),
      )
      .pipe(z.array(key()).min(1))
      .default([]);
  return {
    schema,
    accepts: `keys separated by commas, each at least ${minLength} characters, or "sha256:" and the 64 hexadecimal digits of its hash`,
    secret: true,
  };
}

const hashOf = (key: string) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === '';
}

/** Whether a host name or address is this machine's own. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
