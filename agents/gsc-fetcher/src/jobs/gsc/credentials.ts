/** The service account's key file, from the environment. No message here repeats any part of it. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import * as z from 'zod';

const VARIABLE = 'GOOGLE_SERVICE_ACCOUNT_JSON';
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

const KeyFile = z.object({
  type: z.literal('service_account', { error: 'must be "service_account"' }),
  client_email: z.string({ error: 'is missing' }).min(3, 'is empty').max(320),
  private_key: z.string({ error: 'is missing' }).min(1, 'is empty').max(20_000),
  private_key_id: z.string().max(200).optional(),
  token_uri: z.string().max(500).default(TOKEN_URL),
});

export interface ServiceAccount {
  email: string;
  key: KeyObject;
  keyId: string | undefined;
  /** Where the key is changed for an access token. */
  tokenUrl: string;
}

/** @throws naming the variable and what is wrong with it */
export function readServiceAccount(value: string | undefined): ServiceAccount {
  if (!value?.trim())
    throw problem('is not set', "set it to the service account's key file in base64 (base64 < key.json)");
  const parsed = KeyFile.safeParse(parse(value.trim()));
  if (!parsed.success) {
    const { path = [], message } = parsed.error.issues[0] ?? {};
    throw problem(`its field ${path.join('.') || '(all)'} ${message}`, 'use the key file as Google made it');
  }
  const { client_email: email, private_key: pem, private_key_id: keyId, token_uri: tokenUrl } = parsed.data;
  if (!isSafe(tokenUrl)) throw problem('its field token_uri is no https address', 'use the one Google wrote');
  return { email, key: privateKey(pem), keyId, tokenUrl };
}

function parse(value: string): unknown {
  const isJson = value.startsWith('{');
  try {
    return JSON.parse(isJson ? value : Buffer.from(value, 'base64').toString('utf8'));
  } catch {
    // The parser's own message quotes the text, and the text is a secret.
    throw problem(
      isJson ? 'begins like JSON but cannot be parsed' : 'is neither JSON nor JSON in base64',
      'copy all of it, without line breaks: base64 < key.json | tr -d "\\n"',
    );
  }
}

function privateKey(pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    // Keys that went through a shell or a form often have their line breaks written out.
    key = createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch {
    // Said below; the library's message adds nothing that helps.
  }
  if (key?.asymmetricKeyType !== 'rsa')
    throw problem('its field private_key is not an RSA key in PEM', 'use the key file as Google made it');
  return key;
}

function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

function problem(what: string, mend: string): Error {
  return new Error(`${VARIABLE}: ${what}; ${mend}`);
}
