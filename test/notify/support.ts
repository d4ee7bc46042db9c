/** A notifier on a store of its own, with channels that lead to servers of this machine. */
import { randomUUID } from 'node:crypto';
import { Secret } from '../../src/config/secret';
import type { Notification, RoutingRule } from '../../src/domain/notification';
import { Notifier, openChannels, type ChannelsConfig, type NotifySample } from '../../src/notify';
import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import { ManualClock } from '../http/support/clock';

export const CANARY = 'token-canary-0123456789-0123456789';

export const message = (n: number, over: Partial<Notification> = {}): Notification => ({
  key: `message-${n}`,
  kind: 'missed-tick',
  severity: 'error',
  title: `Title ${n}`,
  text: `Text ${n}`,
  ...over,
});

/** Every channel, all of them led to one receiver. */
export function everyChannel(base: string, smtpPort: number): ChannelsConfig {
  return {
    slackUrl: new Secret(`${base}/slack/${CANARY}`),
    telegram: { api: base, token: new Secret(CANARY), chat: '42' },
    email: {
      server: new Secret(`smtp://me:${CANARY}@127.0.0.1:${smtpPort}`),
      from: 'reveille@example.com',
      to: ['people@example.com'],
    },
    webhook: { url: new Secret(`${base}/signed?token=${CANARY}`), secret: new Secret(CANARY) },
    pagerDuty: { api: base, routingKey: new Secret(CANARY) },
  };
}

/** A clock that tells how many timers wait. */
export class CountingClock extends ManualClock {
  waiting = 0;

  override after(ms: number, callback: () => void): () => void {
    let over = false;
    const end = () => {
      if (!over) this.waiting -= 1;
      over = true;
    };
    this.waiting += 1;
    const cancel = super.after(ms, () => {
      end();
      callback();
    });
    return () => {
      end();
      cancel();
    };
  }
}

export interface NotifierWorld {
  notifier: Notifier;
  store: Store;
  clock: CountingClock;
  /** Puts a message into the outbox and leaves it to the test to look there. */
  put: (message: Notification) => Promise<number>;
  samples: NotifySample[];
  /** Everything that was logged, as text. */
  logged: () => string;
}

export function notifierOf(
  config: ChannelsConfig,
  over: { store?: Store; clock?: CountingClock; rules?: RoutingRule[] } = {},
): NotifierWorld {
  const { store = createMemoryStore(), clock = new CountingClock(), rules = [] } = over;
  const lines: string[] = [];
  const samples: NotifySample[] = [];
  const line = (fields: object, text: string) => void lines.push(`${JSON.stringify(fields)} ${text}`);
  const notifier = new Notifier({
    ...{ store, clock, rules, newId: randomUUID, random: () => 0.5 },
    log: { info: line, warn: line, error: line },
    channels: openChannels(config, 'http://reveille.test', () => clock.now()),
    observe: (sample) => void samples.push(sample),
  });
  const put = (told: Notification) => store.addNotifications(notifier.rows(told));
  return { notifier, store, clock, put, samples, logged: () => lines.join('\n') };
}
