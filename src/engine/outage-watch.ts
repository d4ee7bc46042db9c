/**
 * Looks now and then whether the record, the queue and the platform answer, and says on record when they did not:
 * `/ready` and the metrics tell it only while it lasts.
 */
import type { AlertKey } from '../domain/alert';
import type { Limits } from '../domain/limits';
import type { Alerts } from './alerts';
import type { EngineDeps } from './context';

/** What an answer may take. */
export const ANSWER_MS = 5_000;

const ACTOR = 'outage-watch';
const STORE: AlertKey = { kind: 'store-away', subject: 'store' };
const QUEUE: AlertKey = { kind: 'queue-away', subject: 'queue' };

const PLATFORM: AlertKey = { kind: 'platform-away', subject: 'platform' };

type Deps = Pick<EngineDeps, 'clock' | 'log'> & {
  limits: Pick<Limits, 'outageLookMs'>;
  store: Pick<EngineDeps['store'], 'ping'>;
  queue: Pick<EngineDeps['queue'], 'ping'>;
  /** `ok` while it answers what it is asked for anyway. */
  platform: { readonly state: string };
};

export class OutageWatch {
  private cancel: () => void = () => undefined;
  private closed = false;
  /** Since when nothing could be written down. */
  private storeAwaySince: number | undefined;
  /** Unknown at first: an orchestrator that is gone may have left the alert open. */
  private queueIsAway: boolean | undefined;
  private platformIsAway: boolean | undefined;
  /** One call that was not answered is no outage: it has to be so at two looks. */
  private platformWasOk = true;

  constructor(
    private readonly deps: Deps,
    private readonly alerts: Pick<Alerts, 'raise' | 'resolve'>,
  ) {}

  start(): void {
    this.cancel = this.deps.clock.after(this.deps.limits.outageLookMs, () => {
      this.look()
        .catch((error: unknown) => this.deps.log.warn({ err: error }, 'an outage could not be told'))
        .finally(() => !this.closed && this.start());
    });
  }

  close(): void {
    this.closed = true;
    this.cancel();
  }

  /** One look; the timer's work, and a step for tests. */
  async look(): Promise<void> {
    const { store, queue, clock } = this.deps;
    const now = clock.now();
    const [storeAnswers, queueAnswers] = await Promise.all([this.answers(store), this.answers(queue)]);
    if (!storeAnswers) {
      this.storeAwaySince ??= now;
      return;
    }
    await this.storeIsBack();
    await this.tellQueue(queueAnswers);
    await this.tellPlatform(this.deps.platform.state);
  }

  /** It can be told of only when it is over. */
  private async storeIsBack(): Promise<void> {
    const since = this.storeAwaySince;
    if (since === undefined) return;
    const seconds = Math.round((this.deps.clock.now() - since) / 1_000);
    const message =
      `The record did not answer for about ${seconds} s, from ${new Date(since).toISOString()} on. Requests were ` +
      'answered with 503 and nothing was begun; what was under way goes on. Look at the log of Postgres.';
    await this.alerts.raise({ ...STORE, message }, ACTOR);
    await this.alerts.resolve(STORE, 'it answers again', ACTOR);
    this.storeAwaySince = undefined;
  }

  private async tellQueue(answers: boolean): Promise<void> {
    if (this.queueIsAway === !answers) return;
    if (answers) await this.alerts.resolve(QUEUE, 'it answers again', ACTOR);
    else await this.alerts.raise({ ...QUEUE, message: QUEUE_TEXT }, ACTOR);
    this.queueIsAway = !answers;
  }

  private async tellPlatform(state: string): Promise<void> {
    const isOk = state === 'ok';
    const isAway = !isOk && !this.platformWasOk;
    this.platformWasOk = isOk;
    if (this.platformIsAway === isAway || isOk === isAway) return;
    if (isAway) await this.alerts.raise({ ...PLATFORM, message: platformText(state) }, ACTOR);
    else await this.alerts.resolve(PLATFORM, 'it answers again', ACTOR);
    this.platformIsAway = isAway;
  }

  private answers(target: { ping(): Promise<void> }): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.deps.clock.after(ANSWER_MS, () => resolve(false));
      target
        .ping()
        .then(
          () => resolve(true),
          () => resolve(false),
        )
        .finally(cancel);
    });
  }
}

const platformText = (state: string): string =>
  `The platform ${state}. Runs wait, and say why; nothing is lost. See docs/runbooks/platform-outage.md.`;

const QUEUE_TEXT =
  'The queue does not answer. Runs go on, and the sweeper keeps time meanwhile, at most seconds late. Look at Redis, ' +
  'or at Postgres where the queue lives there.';
