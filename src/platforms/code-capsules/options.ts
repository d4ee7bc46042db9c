/** What the Code Capsules driver is given, and the defaults for what it is not. */
import type { CallOptions, CallSettings } from '../calls/settings';
import { callSettings, safeAddress } from '../calls/settings';

/**
 * `capsule`: `PATCH {apiUrl}/capsules/:id` with `{ scaling: { desiredReplicas } }`.
 * `products`: `PATCH {clusterUrl}/capsules/:id/products` with every size, read first.
 */
export type Dialect = 'capsule' | 'products';

/** A fixed bearer token, or an account to log in with. */
export type CodeCapsulesCredentials = { token: string } | { email: string; password: string; apiKey: string };

export interface CodeCapsulesOptions extends CallOptions {
  dialect: Dialect;
  /** Base address of the central API (CC_API_URL). */
  apiUrl: string;
  /** Base address of the cluster's API (CC_CLUSTER_URL); needed by the `products` dialect. */
  clusterUrl?: string | undefined;
  /** Base address of the login service (CC_AUTH_URL); needed to log in with an account. */
  authUrl?: string | undefined;
  credentials: CodeCapsulesCredentials;
}

/** The options with every default filled in and the addresses checked. */
export interface Settings extends CallSettings {
  dialect: Dialect;
  apiUrl: string;
  clusterUrl: string;
  authUrl: string;
  credentials: CodeCapsulesCredentials;
}

/**
 * Fills in the defaults.
 * @throws Error that names the variable to set, when an address is missing, malformed or would send
 * credentials over plain HTTP to another machine
 */
export function settle(options: CodeCapsulesOptions): Settings {
  const login = !('token' in options.credentials);
  return {
    dialect: options.dialect,
    apiUrl: address('CC_API_URL', options.apiUrl, options.dialect === 'capsule'),
    clusterUrl: address('CC_CLUSTER_URL', options.clusterUrl, options.dialect === 'products'),
    authUrl: address('CC_AUTH_URL', options.authUrl, login),
    credentials: options.credentials,
    ...callSettings(options),
  };
}

function address(variable: string, value: string | undefined, needed: boolean): string {
  if (!value) {
    if (needed) throw new Error(`${variable} is not set; set it to the address of that Code Capsules API.`);
    return '';
  }
  return safeAddress(variable, value);
}
