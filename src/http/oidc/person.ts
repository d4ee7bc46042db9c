/** From the claims of an ID token to somebody with scopes. Whom nobody named gets none. */
import { SCOPES } from '../../domain/scope';
import type { Principal } from '../auth-people';
import type { OidcSettings } from './settings';

export type Claims = Readonly<Record<string, unknown>>;

/** What the specification allows, less blanks: it goes into logs and the ledger. */
const SUBJECT = /^[\x21-\x7e]{1,255}$/;
const ADDRESS = /^[^\s@:,]+@[^\s@:,]+$/;
const MAX_ADDRESS = 254;
/** Groups of one person that are looked at. */
const MAX_GROUPS = 2_000;

/** `undefined` when the token names nobody that could be written down. */
export function personOf(
  claims: Claims,
  { groupsClaim, access }: Pick<OidcSettings, 'groupsClaim' | 'access'>,
): Principal | undefined {
  const { sub } = claims;
  if (typeof sub !== 'string' || !SUBJECT.test(sub)) return undefined;
  const id = `user:${sub}`;
  const address = verifiedAddress(claims);
  const names = new Set(groupsOf(claims, groupsClaim));
  if (address !== undefined) names.add(address);
  const scopes = SCOPES.filter((scope) => access[scope].some((name) => names.has(name)));
  return { id, owner: address ?? id, scopes };
}

/** An address that the provider did not verify is what anybody may have typed there. */
function verifiedAddress({ email, email_verified: isVerified }: Claims): string | undefined {
  if (isVerified !== true || typeof email !== 'string') return undefined;
  return email.length <= MAX_ADDRESS && ADDRESS.test(email) ? email.toLowerCase() : undefined;
}

/** Names with an @ are addresses: a group called like one is none. */
function groupsOf(claims: Claims, claim: string): string[] {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : inside(claims, claim.split('.'));
  const list: unknown[] = Array.isArray(value) ? value.slice(0, MAX_GROUPS) : [value];
  return list.filter((name): name is string => typeof name === 'string' && !name.includes('@'));
}

function inside(claims: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined,
    claims,
  );
}
