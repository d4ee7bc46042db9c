import type { Call } from './call';
import { pause } from './call';
import type { FailureContext } from './failure';
import { failure, isTransient, mayHaveApplied } from './failure';
import type { CallSettings } from './settings';
import type { ApiRequest, Reply, Transport } from './transport';
import { changes } from './transport';

/** Full jitter: each wait is uniform between 0 and a cap that doubles up to the largest. */
const BACKOFF_BASE_MS = 200;
const BACKOFF_MAX_MS = 5_000;

export type Send = (call: Call, request: ApiRequest, timeoutMs: number) => Promise<Reply>;

/** Sends requests with retries on what may pass: 429, 5xx and lost answers. */
export class Requester {
  constructor(
    private readonly settings: CallSettings,
    private readonly transport: Transport,
  ) {}

  /**
   * Returns the body of the first 2xx, or of another status that the request takes for one.
   * @param send how one try is made; the default sends the request as it is
   * @throws PlatformError after a final answer, the last retry, or at the call's deadline
   */
  async request(
    call: Call,
    request: ApiRequest,
    context: FailureContext,
    send: Send = (...args) => this.transport.send(...args),
  ): Promise<unknown> {
    const { maxRetries, now } = this.settings;
    for (let tries = 1; ; tries++) {
      const left = call.deadlineAt - now();
      const reply: Reply =
        left > 0
          ? await send(call, request, Math.min(request.timeoutMs ?? this.settings.requestTimeoutMs, left))
          : { answered: false, reason: 'the deadline passed before it was sent', sent: false };
      if (isSuccess(request, reply)) return reply.body;
      if (changes(request) && mayHaveApplied(reply)) call.mayHaveApplied = true;
      const tried = tries === 1 ? 'tried once' : `tried ${tries} times`;
      const again = isTransient(reply) && !(request.once && mayHaveApplied(reply));
      if (!again || tries > maxRetries) throw failure(call, request, reply, tried, context);
      const wait = this.waitBefore(tries, reply);
      if (now() + wait >= call.deadlineAt) {
        const over = `${tried}, the deadline of ${this.settings.deadlineMs} ms leaves no time for another`;
        throw failure(call, request, reply, over, context);
      }
      await pause(call, wait, this.settings.sleep);
    }
  }

  /** Milliseconds until the next try: what the server asked for, else jittered backoff. */
  private waitBefore(tries: number, reply: Reply): number {
    const { random, now } = this.settings;
    const jitter = random() * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (tries - 1));
    const asked = reply.answered ? retryAfterMs(reply.retryAfter, now()) : undefined;
    // Jitter on top of what was asked, so that many clients told the same do not return as one.
    return asked === undefined ? jitter : asked + random() * BACKOFF_BASE_MS;
  }
}

function isSuccess(request: ApiRequest, reply: Reply): reply is Extract<Reply, { answered: true }> {
  if (!reply.answered) return false;
  const { status } = reply;
  return (status >= 200 && status < 300) || request.alsoGood?.includes(status) === true;
}

/** Retry-After in ms from `now`: seconds or an HTTP date; undefined when absent or unreadable. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
