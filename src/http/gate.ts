/** Who gets through, and how often. Runs before a body is read. */
import type { Request, RequestHandler, Response } from 'express';
import { isFromThisMachine } from './auth';
import { DEFAULT_HTTP_LIMITS, type AppDeps } from './deps';
import { Problem } from './problems';
import { callerOf, TokenBuckets } from './rate-limit';
import type { Route } from './route';

type GateDeps = Pick<AppDeps, 'auth' | 'callbacks' | 'clock' | 'limits' | 'inbox' | 'registry'>;

/** Who calls, for handlers behind the gate. */
export const actorOf = (res: Response): string => (res.locals.actor as string | undefined) ?? 'anonymous';

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
    const check = {
      key: (req: Request, res: Response) => this.key(req, res),
      callback: (req: Request) => this.callback(req),
      agent: (req: Request, res: Response) => this.agent(req, res),
      hook: (req: Request, res: Response) => this.hook(req, res),
      inbox: (req: Request) => this.bin(req),
      open: (req: Request) => this.count(`ip:${callerOf(req.ip)}`),
    }[route.access];
    return (req, res, next) => {
      check(req, res);
      next();
    };
  }

  private key(req: Request, res: Response): void {
    const { auth } = this.deps;
    if (auth === 'loopback-only') {
      if (!isFromThisMachine(req)) throw new Problem('loopback-only');
      res.locals.actor = 'local';
      return this.count('local');
    }
    const id = auth.identify(req.headers.authorization);
    if (id === undefined) {
      this.failed(req);
      throw new Problem('unauthorized', { headers: { 'WWW-Authenticate': 'Bearer realm="reveille"' } });
    }
    res.locals.actor = `key:${id}`;
    this.count(`key:${id}`);
  }

  /** Checked before the body is read, so that only whom we asked can make us buffer megabytes. */
  private callback(req: Request): void {
    const { token } = req.query;
    const verdict = this.deps.callbacks.verify(typeof token === 'string' ? token : '', this.deps.clock.now());
    if (verdict.ok) return;
    this.failed(req);
    throw new Problem(verdict.reason === 'forged' ? 'callback-forged' : 'callback-expired');
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
