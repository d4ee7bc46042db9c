/**
 * Changes a service account's key for an access token, as in
 * https://developers.google.com/identity/protocols/oauth2/service-account#httprest.
 * Signed with node:crypto: google-auth-library would bring 23 packages (13 MB), 12 MB of memory and
 * 40 to 120 ms at the first call for one signature and one POST, and it retries by rules of its own.
 */
import { sign } from 'node:crypto';
import * as z from 'zod';
import type { ServiceAccount } from './credentials';
import { ask, type Patience } from './http';

const SCOPE = 'https://www.googleapis.com/auth/webmasters.readonly';
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** The longest Google allows, in seconds. */
const LIFETIME = 3600;

const Granted = z.object({ access_token: z.string().min(1) });

/** @throws naming GOOGLE_SERVICE_ACCOUNT_JSON when Google does not take the key */
export async function fetchToken(account: ServiceAccount, patience: Patience): Promise<string> {
  const body = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: assertion(account, Date.now()) });
  const answer = await ask(account.tokenUrl, { method: 'POST', body }, patience);
  const granted = Granted.safeParse(answer.body);
  if (answer.status === 200 && granted.success) return granted.data.access_token;
  const said = [...answer.reasons, answer.message].filter(Boolean).join(': ') || `status ${answer.status}`;
  if (answer.status === 400 || answer.status === 401)
    throw new Error(
      `GOOGLE_SERVICE_ACCOUNT_JSON: Google refused the key of ${account.email} (${said}); ` +
        "make a new key for it, or check that the account still exists and this machine's clock is right",
    );
  throw new Error(`Google gave no access token for ${account.email}: ${said}`);
}

function assertion({ email, key, keyId, tokenUrl }: ServiceAccount, now: number): string {
  const issuedAt = Math.floor(now / 1000);
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId && { kid: keyId }) };
  const claims = { iss: email, scope: SCOPE, aud: tokenUrl, iat: issuedAt, exp: issuedAt + LIFETIME };
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const unsigned = text.join('.');
  return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), key).toString('base64url')}`;
}
