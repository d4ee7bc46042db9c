import type { Scope } from '../../domain/scope';

/** Where people log in, and what they may do then. */
export interface OidcSettings {
  /** As the provider writes it itself, to the letter. */
  issuer: string;
  clientId: string;
  /** Absent: a public client, which has PKCE alone. */
  clientSecret?: { reveal(): string };
  /** Where the provider sends people back to. */
  redirectUri: string;
  /** Scopes of OpenID Connect, separated by blanks. */
  request: string;
  groupsClaim: string;
  /** Verified addresses (lower case) and groups, by the scope they give. */
  access: Readonly<Record<Scope, readonly string[]>>;
}
