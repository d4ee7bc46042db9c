/** Who gets through, and how often. Runs before a body is read. */
import type { Request, RequestHandler, Response } from 'express';
import { holds, type Scope } from '../domain/scope';
import type { Caller, Identity, People, Principal } from './auth-people';
import { DEFAULT_HTTP_LIMITS, type AppDeps } from './deps';
import { whileStoreAnswers } from './patience';
import { Problem } from './problems';
import { callerOf, TokenBuckets } from './rate-limit';
import type { Route } from './route';
import { scopeOf } from './scopes';

type GateDeps = Pick<AppDeps, 'callbacks' | 'clock' | 'limits' | 'inbox' | 'registry' | 'store' | 'log'> & {
  people: People;
};

/** Who calls, for handlers behind the gate. */
export const principalOf = (res: Response): Principal | undefined =>
  (res.locals as { principal?: Principal }).principal;

const CHALLENGE = 'Bearer realm="reveille"';

export class Gate {
  private readonly requests: TokenBuckets;
  /** A failed proof costs its sender a token; proofs that hold are never slowed by other people's failures. */
  private readonly failures: TokenBuckets;
  /** What is sent to a bin of the inbox proves nothing. */
  private readonly bins: TokenBuckets;
  /** Webhooks of others, before anything of them is read. */
  private readonly hooks: TokenBuckets;

  constructor(private readonly deps: GateDeps) {
    const limits = { ...DEFAULT_HTTP_LIMITS, ...deps.limits };
    this.requests = new TokenBuckets(limits.requestsPerSecond, limits.requestBurst, deps.clock);
    this.failures = new TokenBuckets(limits.failuresPerSecond, limits.failureBurst, deps.clock);
    this.bins = new TokenBuckets(limits.binsPerSecond, limits.binBurst, deps.clock);
    this.hooks = new TokenBuckets(limits.hooksPerSecond, limits.hookBurst, deps.clock);
  }

  /** The middleware in front of a route. */
  admit(route: Route): RequestHandler {
    const { access } = route;
    switch (access) {
      case 'callback':
        return this.first((req) => this.callback(req));
      case 'agent':
      case 'login':
      case 'provider':
        return this.first((req, res) => this.agent(req, res));
      case 'hook':
        return this.first((req, res) => this.hook(req, res));
      case 'inbox':
        return this.first((req) => this.bin(req));
      case 'open':
        return this.first((req) => this.count(`ip:${callerOf(req.ip)}`));
      default:
        return this.first((req, res) => this.person(req, res, scopeOf(access)));
    }
  }

  /** Lets anybody pass who has any right here at all. */
  readonly member: RequestHandler = this.first((req, res) => this.person(req, res, 'viewer'));

  /**
   * As for a request over HTTP, for another protocol: the same keys, scopes and limits.
   * @throws Problem
   */
  async admitCaller(caller: Caller, wanted: Scope): Promise<Principal> {
    const from = callerOf(caller.address);
    const identity = await this.deps.people.identifyCaller(caller, () => refuseFor(this.failures.wait(from)));
    const principal = this.proved(identity, from);
    this.mayDo(principal, wanted);
    return principal;
  }

  private person(req: Request, res: Response, wanted: Scope): void | Promise<void> {
    const found = this.deps.people.identify(req, () => refuseFor(this.failures.wait(callerOf(req.ip))));
    return found instanceof Promise
      ? found.then((identity) => this.letIn(identity, req, res, wanted))
      : this.letIn(found, req, res, wanted);
  }

  private letIn(identity: Identity, req: Request, res: Response, wanted: Scope): void {
    const principal = this.proved(identity, callerOf(req.ip));
    (res.locals as { principal?: Principal }).principal = principal;
    this.mayDo(principal, wanted);
  }

  /** @param from who is slowed for a proof that does not hold */
  private proved(identity: Identity, from: string): Principal {
    if (identity !== 'nobody' && identity !== 'refused') return identity;
    refuseFor(this.failures.take(from));
    throw new Problem('unauthorized', { headers: { 'WWW-Authenticate': CHALLENGE } });
  }

  private mayDo({ id, scopes }: Principal, wanted: Scope): void {
    this.count(id);
    if (holds(scopes, wanted)) return;
    const headers = { 'WWW-Authenticate': `${CHALLENGE}, error="insufficient_scope", scope="${wanted}"` };
    throw new Problem('scope-missing', { detail: `This needs the scope ${wanted}.`, headers });
  }

  /** Checked before the body is read, so that only whom we asked can make us buffer megabytes. */
  private callback(req: Request): void {
    const { token } = req.query;
    const verdict = this.deps.callbacks.verify(typeof token === 'string' ? token : '', this.deps.clock.now());
    if (verdict.ok) return;
    this.failed(req);
    throw new Problem(`callback-${verdict.reason}`);
  }

  /** The secret is in the body: whoever failed too often is refused before, and each failure counts. */
  private agent(req: Request, res: Response): void {
    const caller = callerOf(req.ip);
    refuseFor(this.failures.wait(caller));
    res.once('close', () => {
      if (res.statusCode === 401) this.failures.take(caller);
    });
  }

  /** What no workflow takes is not read; the proof is over the body, as an agent's is in it. */
  private hook(req: Request, res: Response): void {
    refuseFor(this.hooks.take(callerOf(req.ip)));
    const { workflowId } = req.params;
    const workflow = this.deps.registry.findWorkflow(typeof workflowId === 'string' ? workflowId : '');
    if (!workflow?.on?.webhook) throw new Problem('hook-not-found');
    this.agent(req, res);
  }

  private bin(req: Request): void {
    if (!this.deps.inbox) throw new Problem('inbox-off');
    refuseFor(this.bins.take(callerOf(req.ip)));
  }

  /**
   * As a middleware; a check that is done at once costs no turn of the event loop, and one that asks the store is
   * given up where that does not answer.
   */
  private first(check: (req: Request, res: Response) => void | Promise<void>): RequestHandler {
    return (req, res, next) => {
      const pending = check(req, res);
      if (!pending) return next();
      whileStoreAnswers(pending, res, this.deps).then(() => next(), next);
    };
  }

  private failed(req: Request): void {
    refuseFor(this.failures.take(callerOf(req.ip)));
  }

  private count(caller: string): void {
    refuseFor(this.requests.take(caller));
  }
}

function refuseFor(seconds: number): void {
  if (seconds > 0) throw new Problem('rate-limited', { retryAfterSeconds: seconds });
}
