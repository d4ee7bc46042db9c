/** Who calls: by an API key of the environment or of the store, by a session, or by being this machine. */
import type { Request } from 'express';
import type { Scope } from '../domain/scope';
import type { KeyRecord, SessionRecord } from '../store/keys';
import { TOUCH_MS } from '../store/keys';
import { bearerOf, isFromThisMachine, sameSecret } from './auth';
import { Fresh } from './auth-fresh';
import { hashOf, keyIdOf } from './auth-key';
import type { AppDeps } from './deps';
import { Problem } from './problems';
import { cookieOf, forgeryOf } from './session-cookie';

/** Somebody who proved who they are. */
export interface Principal {
  /** For the ledger: `key:<id>`, `user:<subject>` or `local`. */
  id: string;
  /** The person behind it: two keys of one owner are one person. */
  owner: string;
  scopes: readonly Scope[];
  /** When the key or the session ends by itself, epoch ms. */
  expiresAt?: number;
  /** Set for logins of the dashboard. */
  session?: { token: string; hash: string };
}

/** What comes of asking: somebody, nobody, or a credential that does not hold. */
export type Identity = Principal | 'nobody' | 'refused';

/** Who comes by a protocol without cookies. */
export interface Caller {
  address: string;
  authorization: string | undefined;
  /** Whether they are this machine, beyond doubt. */
  isHere: boolean;
}

type Maybe<T> = T | Promise<T>;
type PeopleDeps = Pick<AppDeps, 'auth' | 'store' | 'clock' | 'log' | 'oidc'>;

export class People {
  private readonly keys: Fresh<KeyRecord>;
  private readonly sessions: Fresh<SessionRecord>;

  constructor(private readonly deps: PeopleDeps) {
    this.keys = new Fresh(deps.clock, (id) => deps.store.key(id));
    this.sessions = new Fresh(deps.clock, (hash) => deps.store.session(hash));
  }

  /**
   * @param beforeReading called before the store is asked about a key nobody has used lately; may refuse
   * @throws Problem when a page of another site uses somebody's session
   */
  identify(req: Request, beforeReading: () => void): Maybe<Identity> {
    const { authorization } = req.headers;
    if (authorization !== undefined) {
      const key = bearerOf(authorization) ?? '';
      if (this.deps.auth !== 'loopback-only' || keyIdOf(key)) return this.byKey(key, beforeReading);
    }
    const token = authorization === undefined ? cookieOf(req, 'session') : undefined;
    if (token === undefined) return this.byPlace(req);
    return this.bySession(req, token, beforeReading).then((found) => found ?? this.byPlace(req));
  }

  /** As {@link identify}, for another protocol. */
  identifyCaller({ authorization, isHere }: Caller, beforeReading: () => void): Maybe<Identity> {
    const isOpen = this.deps.auth === 'loopback-only';
    if (authorization !== undefined) {
      const key = bearerOf(authorization) ?? '';
      if (!isOpen || keyIdOf(key)) return this.byKey(key, beforeReading);
    }
    if (!isOpen) return 'nobody';
    if (!isHere) throw new Problem('loopback-only');
    return LOCAL;
  }

  /** Who holds a key. */
  byKey(key: string, beforeReading: () => void): Maybe<Principal | 'refused'> {
    const { auth } = this.deps;
    const known = auth === 'loopback-only' ? undefined : auth.identifyKey(key);
    if (known !== undefined) return configured(known);
    const id = keyIdOf(key);
    if (id === undefined) return 'refused';
    const hash = hashOf(key);
    const last = this.keys.stale(id);
    if (!last || !this.opens(last, hash)) beforeReading();
    const check = (record: KeyRecord | undefined) =>
      record && this.opens(record, hash) ? this.used(record) : 'refused';
    const record = this.keys.get(id);
    return record instanceof Promise ? record.then(check) : check(record);
  }

  /** A key was changed in this process. */
  forgetKey(id: string): void {
    this.keys.forget(id);
  }

  forgetSession(hash: string): void {
    this.sessions.forget(hash);
  }

  private byPlace(req: Request): Identity {
    if (this.deps.auth !== 'loopback-only') return 'nobody';
    if (!isFromThisMachine(req)) throw new Problem('loopback-only');
    return LOCAL;
  }

  private async bySession(
    req: Request,
    token: string,
    beforeReading: () => void,
  ): Promise<Principal | undefined> {
    const hash = hashOf(token);
    if (!this.sessions.stale(hash)) beforeReading();
    const session = await this.sessions.get(hash);
    if (!session || session.expiresAt <= this.deps.clock.now()) return undefined;
    const principal = await this.behind(session);
    if (!principal) return undefined;
    const detail = forgeryOf(req, token);
    if (detail !== undefined) throw new Problem('cross-site', { detail });
    const expiresAt = Math.min(session.expiresAt, principal.expiresAt ?? Infinity);
    return { ...principal, expiresAt, session: { token, hash } };
  }

  /** A login by key has the rights that the key has now, and ends with it. */
  private async behind({ keyId, actor, owner, scopes }: SessionRecord): Promise<Principal | undefined> {
    const { auth, oidc } = this.deps;
    // Where that login is not offered any more, its sessions are over.
    if (keyId === undefined) return oidc && { id: actor, owner, scopes };
    if (auth !== 'loopback-only' && auth.has(keyId)) return configured(keyId);
    const key = await this.keys.get(keyId);
    return key && this.isGood(key) ? this.used(key) : undefined;
  }

  private isGood({ revokedAt, expiresAt }: KeyRecord): boolean {
    return revokedAt === undefined && (expiresAt ?? Infinity) > this.deps.clock.now();
  }

  /** Compares with both secrets, whichever fits, so that the time tells nothing. */
  private opens(key: KeyRecord, hash: string): boolean {
    const now = sameSecret(key.hash, hash);
    const before = sameSecret(key.previousHash ?? '', hash);
    const inGrace = (key.previousUntil ?? 0) > this.deps.clock.now();
    return this.isGood(key) && (now || (before && inGrace));
  }

  /** Notes the use beside the request: nobody waits for it, and it is written at most once a minute. */
  private used(key: KeyRecord): Principal {
    const { store, clock, log } = this.deps;
    const now = clock.now();
    if (now - (key.lastUsedAt ?? -Infinity) >= TOUCH_MS) {
      key.lastUsedAt = now;
      store.touchKey(key.id, now).catch((error: unknown) => {
        log.warn({ err: error, keyId: key.id }, 'the use of a key could not be noted');
      });
    }
    const { id, owner, scopes, expiresAt } = key;
    return { id: `key:${id}`, owner, scopes, ...(expiresAt !== undefined && { expiresAt }) };
  }
}

/** Who is on this machine where no key is configured may do everything: the store is theirs anyway. */
const LOCAL: Principal = { id: 'local', owner: 'local', scopes: ['admin'] };

/** A key of the environment: what an installation begins with. */
const configured = (id: string): Principal => ({ id: `key:${id}`, owner: `key:${id}`, scopes: ['admin'] });
