/** A service account made for the test run, and Google's answers in their published shapes. */
import { generateKeyPairSync } from 'node:crypto';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** For checking what the agent signed. */
export { publicKey };

export const EMAIL = 'reader@my-project.iam.gserviceaccount.com';
export const PROPERTY = 'sc-domain:example.com';
export const ACCESS_TOKEN = 'ya29.canary-access-token';

/** The key file as the Google Cloud console offers it, with other fields than the agent reads. */
export function keyFile(tokenUrl = 'https://oauth2.googleapis.com/token'): string {
  return JSON.stringify({
    type: 'service_account',
    project_id: 'my-project',
    private_key_id: 'key-1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: EMAIL,
    client_id: '100000000000000000000',
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: tokenUrl,
  });
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
export const TOKEN_ANSWER = { access_token: ACCESS_TOKEN, scope: '', token_type: 'Bearer', expires_in: 3600 };

/** https://developers.google.com/webmaster-tools/v1/searchanalytics/query: keys in the order of the dimensions. */
export function rowsAnswer(count: number, from = 0): object {
  if (count === 0) return { responseAggregationType: 'byPage' };
  const rows = Array.from({ length: count }, (_, n) => ({
    keys: [`query ${from + n}`, `https://example.com/${from + n}`],
    clicks: 1,
    impressions: 10,
    ctr: 0.1,
    position: 4.5,
  }));
  return { rows, responseAggregationType: 'byPage' };
}

/** https://developers.google.com/webmaster-tools/v1/errors */
export function errorAnswer(code: number, reason: string, message: string): object {
  return { error: { code, message, errors: [{ message, domain: 'global', reason }] } };
}
