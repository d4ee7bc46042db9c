/** Problems of who may ask for what: keys, logins and scopes. */
import type { ProblemKind } from './kind';

export const ACCESS = {
  unauthorized: {
    status: 401,
    title: 'A valid API key is needed',
    hint: 'Send `Authorization: Bearer <API key>` with a key this orchestrator is configured with.',
  },
  'login-refused': {
    status: 401,
    title: 'The login did not succeed',
    hint: 'Log in with an API key that is neither revoked nor expired.',
  },
  'oidc-not-begun': {
    status: 401,
    title: 'This login was not begun in this browser, took more than ten minutes, or is used up',
    hint: 'Log in again, from the address that PUBLIC_URL names.',
  },
  'oidc-refused': {
    status: 401,
    title: 'The login did not succeed',
    hint: 'Log in again. If it stays so, the log of the orchestrator says what did not hold.',
  },
  'loopback-only': {
    status: 403,
    title: 'Without an API key only this machine may call',
    hint: 'Configure an API key, or call directly from the same machine under localhost, not through a proxy or another site.',
  },
  'scope-missing': {
    status: 403,
    title: 'The key may not do this',
    hint: 'Use a key with the scope in `detail`; GET /whoami tells the scopes of this one.',
  },
  'cross-site': {
    status: 403,
    title: 'The request does not come from the page that logged in',
    hint: 'Send `X-CSRF-Token` as GET /session tells it, from the same origin; or use an API key instead of the cookie.',
  },
  'login-in-the-clear': {
    status: 403,
    title: 'A login needs https',
    hint: 'Open the dashboard by https, or under localhost; behind a proxy set TRUSTED_PROXIES, so that its X-Forwarded-Proto counts.',
  },
  'oidc-unmapped': {
    status: 403,
    title: 'You are known to the provider, but may do nothing here',
    hint: 'Ask an administrator to name you or a group of yours in OIDC_VIEWERS, OIDC_OPERATORS, OIDC_APPROVERS or OIDC_ADMINS.',
  },
  'key-not-found': {
    status: 404,
    title: 'There is no such key',
    hint: 'GET /keys lists them. Keys of the environment (API_KEYS) are changed there.',
  },
  'no-session': {
    status: 404,
    title: 'There is no login here',
    hint: 'POST /session logs in; a request with an API key has no session.',
  },
  'oidc-off': {
    status: 404,
    title: 'There is no login by OpenID Connect here',
    hint: 'Set OIDC_ISSUER and what goes with it; see docs/security.md.',
  },
  'key-over': {
    status: 409,
    title: 'The key is revoked or has expired',
    hint: 'Make a new one with POST /keys.',
  },
  'oidc-provider-away': {
    status: 503,
    title: 'The OpenID Connect provider cannot be used now',
    hint: 'Try again in a moment, or log in with an API key; "reveille doctor" says what is wrong.',
  },
} as const satisfies Record<string, ProblemKind>;
