/** The part of the configuration that says who logs in with OpenID Connect, and what they may do then. */
import { z } from 'zod';
import type { Scope } from '../domain/scope';
import { isLoopbackHost, secret, words, type Kind } from './kinds';
import type { Secret } from './secret';
import type { Values, Variable, VariableName } from './variables';

export interface OidcConfig {
  /** As the provider writes it itself, to the letter. */
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client, which has PKCE alone. */
  readonly clientSecret?: Secret;
  /** Scopes of OpenID Connect that are asked for, separated by blanks. */
  readonly request: string;
  /** The claim that lists somebody's groups or roles. */
  readonly groupsClaim: string;
  /** Who holds a scope: verified addresses (lower case) and groups. */
  readonly access: Readonly<Record<Scope, readonly string[]>>;
}

/** An issuer is compared to the letter, so that nothing of it is put in order. */
function issuerUrl(): Kind<string | undefined> {
  const isIssuer = (text: string) => {
    if (!URL.canParse(text)) return false;
    const { protocol, hostname, username, password, search, hash } = new URL(text);
    const isSafe = protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
    return isSafe && `${username}${password}${search}${hash}` === '';
  };
  return {
    schema: () => z.string().refine(isIssuer).optional(),
    accepts:
      'the https URL that the provider names as its issuer, to the letter (http for this machine only)',
  };
}

const MAX_NAMES = 200;

/** Addresses and groups, separated by commas. Addresses are compared without regard to case. */
function people(): Kind<readonly string[]> {
  const schema = () =>
    z
      .string()
      .transform((list) => list.split(',').map((text) => text.trim()))
      .pipe(z.array(z.string().min(1).max(300)).max(MAX_NAMES))
      .transform((names) => names.map((name) => (name.includes('@') ? name.toLowerCase() : name)))
      .default([]);
  return { schema, accepts: `mail addresses and names of groups, separated by commas, ${MAX_NAMES} at most` };
}

function requestedScopes(): Kind<string> {
  const fallback = 'openid profile email';
  const schema = () =>
    z
      .string()
      .regex(/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/)
      .refine((text) => text.split(' ').includes('openid'))
      .default(fallback);
  return { schema, accepts: 'scopes separated by blanks, openid among them', fallback };
}

const variable = <T>(kind: Kind<T>, about: string): Variable<T> => ({ group: 'oidc', ...kind, about });
const who = (what: string): Variable<readonly string[]> =>
  variable(people(), `Who may ${what} after such a login: verified mail addresses and groups.`);

export const OIDC_VARIABLES = {
  OIDC_ISSUER: variable(
    issuerUrl(),
    'People log in to the dashboard at this OpenID Connect provider. Its redirect URI is PUBLIC_URL/session/oidc/callback. Unset: by API key only. See docs/security.md.',
  ),
  OIDC_CLIENT_ID: variable(words('the id that the provider gave this client'), 'Who we are there.'),
  OIDC_CLIENT_SECRET: variable(
    secret('the secret that the provider gave this client'),
    'Proves that to the provider. Unset: a public client, which proves itself by PKCE alone.',
  ),
  OIDC_REQUEST: variable(
    requestedScopes(),
    'The scopes that are asked for; some providers tell groups only to who asks.',
  ),
  OIDC_GROUPS_CLAIM: variable(
    words('the name of a claim of the ID token; dots lead into it', 'groups'),
    'Where the ID token lists the groups or roles of a person.',
  ),
  OIDC_VIEWERS: who('read'),
  OIDC_OPERATORS: who('run and stop work'),
  OIDC_APPROVERS: who('decide what waits for a person'),
  OIDC_ADMINS: who('do everything'),
} as const satisfies Record<string, Variable>;

const LISTS = ['OIDC_VIEWERS', 'OIDC_OPERATORS', 'OIDC_APPROVERS', 'OIDC_ADMINS'] as const;

export function missingForOidc(
  isGiven: (name: VariableName) => boolean,
  need: (place: VariableName, problem: string, mend: string) => void,
): void {
  if (!isGiven('OIDC_ISSUER')) {
    const given = (['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', ...LISTS] as const).find(isGiven);
    if (given) need('OIDC_ISSUER', `is not set, but ${given} is`, `Set it, or unset ${given}`);
    return;
  }
  const because = 'is not set, but OIDC_ISSUER is';
  need('OIDC_CLIENT_ID', because, 'Set it to the id that the provider gave this client');
  need('PUBLIC_URL', because, 'Set it: the provider sends people back there');
  if (!LISTS.some(isGiven)) {
    const mend = `Set it, or one of ${LISTS.slice(0, 3).join(', ')}`;
    need('OIDC_ADMINS', 'is not set, so that nobody could log in with OpenID Connect', mend);
  }
}

export function arrangeOidc(values: Values): { readonly oidc?: OidcConfig } {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret } = values;
  if (issuer === undefined || clientId === undefined) return {};
  return {
    oidc: {
      ...{ issuer, clientId, request: values.OIDC_REQUEST, groupsClaim: values.OIDC_GROUPS_CLAIM },
      ...(clientSecret && { clientSecret }),
      access: {
        viewer: values.OIDC_VIEWERS,
        operator: values.OIDC_OPERATORS,
        approver: values.OIDC_APPROVERS,
        admin: values.OIDC_ADMINS,
      },
    },
  };
}
