/** What the HTTP layer works with, wired once in `compose.ts`. */
import type { Logger } from 'pino';
import type { Callbacks } from '../engine/callbacks';
import type { Engine } from '../engine/engine';
import type { Finding } from '../doctor/finding';
import type { Clock, Queue } from '../engine/ports';
import type { InboxRecorder } from '../inbox/recorder';
import type { Notifier } from '../notify';
import type { Registry } from '../registry';
import type { Store } from '../store/store';
import type { ApiKeys } from './auth';
import type { People } from './auth-people';
import type { EventStreams } from './event-streams';
import type { Metrics } from './metrics';
import type { OidcLogin } from './oidc/login';

export interface AppDeps {
  engine: Engine;
  store: Store;
  registry: Registry;
  queue: Pick<Queue, 'ping'>;
  clock: Clock;
  log: Logger;
  /** Proves a webhook's token before its body is read. The same object the engine issues tokens with. */
  callbacks: Pick<Callbacks, 'verify'>;
  /** Undefined: the inbox is off, and a webhook pays nothing for it. */
  inbox?: InboxRecorder;
  auth: ApiKeys | 'loopback-only';
  /** Absent: people log in with API keys alone. */
  oidc?: OidcLogin;
  /** A larger webhook body is refused before it is parsed. */
  webhookMaxBytes: number;
  /** What this process knows of its own readiness; store and queue are asked by `GET /ready` itself. */
  ready: () => Readiness;
  metrics: Metrics;
  /** Absent: no channel can be tried. */
  notifier?: Pick<Notifier, 'test'>;
  events: EventStreams;
  /** Examines the installation. Absent: nobody can. */
  doctor?: () => Promise<Finding[]>;
  /** Reverse proxies in front, whose X-Forwarded-For is believed. Default 0: none is. */
  trustedProxies?: number;
  limits?: Partial<HttpLimits>;
}

/** What handlers get. */
export interface HandlerDeps extends AppDeps {
  people: People;
}

export interface Readiness {
  /** `ok`, or why the schedules are not kept, in words for people. Shown to anybody. */
  schedules: string;
  /** Where checkpoints of the ledger are signed: `ok`, or what is wrong. It keeps nobody from working. */
  checkpoints?: string;
  /** Set where this process performs nothing by order: why. It keeps nobody from asking. */
  engine?: string;
  /** Whether the platform answers: `ok`, or what is wrong. Steps wait for it; what needs none goes on. */
  platform?: string;
  /** Whether messages to people arrive: `ok`, or not. It keeps nobody from working. */
  notifier?: string;
  /** Set while the process shuts down: it should get no more requests. */
  stopping?: boolean;
}

export interface HttpLimits {
  /** Requests per second of one API key, or of one address where no key is asked for. */
  requestsPerSecond: number;
  /** How many of them may come at once. */
  requestBurst: number;
  /** Failed proofs (keys, tokens, secrets) per second of one address. */
  failuresPerSecond: number;
  failureBurst: number;
  /** Deliveries per second of one address to bins of the inbox, and how many may come at once. */
  binsPerSecond: number;
  binBurst: number;
  /** Webhooks of others per second of one address, and how many may come at once. */
  hooksPerSecond: number;
  hookBurst: number;
  /** A request body that is not a webhook's. */
  bodyMaxBytes: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  requestsPerSecond: 1_000,
  requestBurst: 2_000,
  failuresPerSecond: 1,
  failureBurst: 30,
  binsPerSecond: 5,
  binBurst: 100,
  hooksPerSecond: 20,
  hookBurst: 500,
  bodyMaxBytes: 1024 * 1024,
};
