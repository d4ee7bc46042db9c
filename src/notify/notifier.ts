/**
 * Tells people. Messages are committed with what they tell of, as rows of an outbox; every orchestrator empties
 * it, each message once, and none of it stands in the way of the work.
 */
import type { LedgerEntry } from '../domain/ledger';
import {
  bounded,
  channelsFor,
  retryMs,
  type ChannelName,
  type Notification,
  type OutboxRow,
  type RoutingRule,
} from '../domain/notification';
import type { ClaimedNotification, NotificationOutcome, NotificationStore } from '../store/notifications';
import type { Channels } from './channels';
import { CALL_MS, type Channel, type SendOutcome } from './channel';

export const NOTIFY = {
  /** What came together is told together. */
  gatherMs: 1_000,
  /** How often the outbox is looked at, for what others wrote and for what is to be tried again. */
  pollMs: 10_000,
  /** How long a process has for what it took. Longer than a channel takes. */
  claimMs: 3 * CALL_MS,
  /** Messages taken at once, and rounds in one look. */
  batch: 50,
  maxRounds: 20,
  /** When a message is given up. */
  deadlineMs: 24 * 3_600_000,
  /** Failures in a row after which a channel counts as down. */
  downAfter: 3,
  /** How long what is told stays on record, and how often and how much of it is removed. */
  keepMs: 7 * 24 * 3_600_000,
  purgeEveryMs: 3_600_000,
  purgeBatch: 1_000,
} as const;

export interface NotifierDeps {
  store: NotificationStore;
  clock: { now(): number; after(ms: number, callback: () => void): () => void };
  random: () => number;
  newId: () => string;
  log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
  channels: Channels;
  rules: readonly RoutingRule[];
  /** Told of each try, for the figures. */
  observe?: (sample: NotifySample) => void;
}

export interface NotifySample {
  channel: ChannelName;
  outcome: 'sent' | 'retry' | 'failed';
  messages: number;
  ms: number;
}

/** How a channel stands, as this process knows. */
export interface ChannelState {
  channel: ChannelName;
  /** Tries in a row that failed. */
  failures: number;
  error?: string;
}

export interface TestOutcome {
  channel: ChannelName;
  ok: boolean;
  /** Why not. */
  error?: string;
  ms: number;
}

export class Notifier {
  private readonly states = new Map<ChannelName, ChannelState>();
  private readonly downListeners: Array<(state: ChannelState) => Promise<unknown>> = [];
  private cancel: () => void = () => undefined;
  private wakeAt = Infinity;
  private underWay: Promise<void> | undefined;
  private again = false;
  private purgedAt = 0;
  private closed = false;

  constructor(private readonly deps: NotifierDeps) {
    for (const channel of deps.channels.keys()) this.states.set(channel, { channel, failures: 0 });
  }

  /** The rows that tell a message, to be committed with what it tells of. Call `poke()` once they are. */
  rows(message: Notification): OutboxRow[] {
    const { channels, rules, clock, newId } = this.deps;
    const at = clock.now();
    const told = bounded(message);
    return channelsFor(message, rules, [...channels.keys()]).map((channel) => ({
      id: newId(),
      channel,
      key: message.key,
      thread: message.thread ?? message.key,
      message: told,
      at,
      deadline: at + NOTIFY.deadlineMs,
    }));
  }

  /**
   * Tells a message, once for its key. Resolves when it is on record, not when it has arrived.
   * @returns in how many channels it is new
   */
  async notify(message: Notification): Promise<number> {
    const added = await this.deps.store.addNotifications(this.rows(message));
    if (added > 0) this.poke();
    return added;
  }

  /** Called when a channel goes down (`failures` > 0), and when it is back. */
  onChange(listener: (state: ChannelState) => Promise<unknown>): void {
    this.downListeners.push(listener);
  }

  /** Begins to empty the outbox. Without a channel there is nothing to do. */
  start(): void {
    if (this.deps.channels.size > 0) this.wakeIn(0);
  }

  /** There is something new to tell. */
  poke(): void {
    if (this.deps.channels.size > 0) this.wakeIn(NOTIFY.gatherMs);
  }

  channels(): ChannelState[] {
    return [...this.states.values()];
  }

  /** What does not arrive, in words; nothing when all is well. */
  trouble(): string[] {
    return this.channels()
      .filter(({ failures }) => failures >= NOTIFY.downAfter)
      .map(({ channel, error }) => `${channel} takes no messages: ${error ?? 'no answer'}`);
  }

  /** Sends a message to channels at once, and says what came of it. Nothing is kept or tried again. */
  async test(text: string, only?: ChannelName): Promise<TestOutcome[]> {
    const { channels, clock, newId } = this.deps;
    const chosen = [...channels.values()].filter(({ name }) => only === undefined || name === only);
    return Promise.all(
      chosen.map(async (channel) => {
        const at = clock.now();
        const id = newId();
        const message: Notification = {
          key: id,
          kind: 'test',
          severity: 'info',
          title: 'Test message',
          text,
        };
        const outcome = await sendGuarded(channel, [{ id, message: bounded(message), at }]);
        const ms = clock.now() - at;
        return { channel: channel.name, ok: outcome.ok, ms, ...(!outcome.ok && { error: outcome.error }) };
      }),
    );
  }

  /** Waits for what is being sent; the rest stays on record. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancel();
    await this.underWay;
    for (const channel of this.deps.channels.values()) await channel.close();
  }

  /** One look at the outbox: tells everything that is due. A step for tests. */
  async pass(): Promise<number> {
    const { store, clock, channels } = this.deps;
    let told = 0;
    for (let round = 0; round < NOTIFY.maxRounds && !this.closed; round += 1) {
      const now = clock.now();
      const claimed = await store.claimNotifications(now, now + NOTIFY.claimMs, NOTIFY.batch, [
        ...channels.keys(),
      ]);
      if (claimed.length === 0) break;
      await Promise.all([...channels.values()].map((channel) => this.tell(channel, claimed)));
      told += claimed.length;
    }
    await this.purge();
    return told;
  }

  private wakeIn(ms: number): void {
    if (this.closed) return;
    const at = this.deps.clock.now() + ms;
    if (this.underWay) this.again = true;
    if (this.underWay || at >= this.wakeAt) return;
    this.cancel();
    this.wakeAt = at;
    this.cancel = this.deps.clock.after(ms, () => this.look());
  }

  private look(): void {
    this.wakeAt = Infinity;
    this.again = false;
    this.underWay = this.pass()
      .then(
        () => undefined,
        (error: unknown) =>
          this.deps.log.warn({ err: error }, 'messages to people wait: the record does not answer'),
      )
      .finally(() => {
        this.underWay = undefined;
        this.wakeIn(this.again ? NOTIFY.gatherMs : NOTIFY.pollMs);
      });
  }

  /** Tells a channel its share, as many at once as it takes. */
  private async tell(channel: Channel, claimed: readonly ClaimedNotification[]): Promise<void> {
    const mine = claimed.filter((each) => each.channel === channel.name);
    for (let i = 0; i < mine.length; i += channel.batch) {
      await this.tellBatch(channel, mine.slice(i, i + channel.batch));
    }
  }

  private async tellBatch(channel: Channel, batch: ClaimedNotification[]): Promise<void> {
    const { clock, log, observe } = this.deps;
    const startedAt = clock.now();
    const outcome = await sendGuarded(channel, batch);
    const outcomes = batch.map((each) => this.outcomeFor(each, outcome));
    for (const [i, each] of batch.entries())
      await this.deps.store.settleNotification(each.id, each.tries, outcomes[i] as NotificationOutcome);
    const kind = outcomes.some((each) => each.kind === 'failed') ? 'failed' : (outcomes[0]?.kind ?? 'sent');
    const ms = clock.now() - startedAt;
    observe?.({ channel: channel.name, outcome: kind, messages: batch.length, ms });
    const fields = { channel: channel.name, notifications: batch.map(({ id }) => id) };
    if (!outcome.ok)
      log[kind === 'failed' ? 'error' : 'warn'](
        fields,
        `${channel.name} did not take a message (${outcome.error}); ${kind === 'failed' ? 'it is given up, see GET /notifications' : 'it is tried again'}`,
      );
    await this.note(channel.name, outcome);
  }

  private outcomeFor(claimed: ClaimedNotification, outcome: SendOutcome): NotificationOutcome {
    const at = this.deps.clock.now();
    if (outcome.ok) return { kind: 'sent', at };
    const dueAt = at + retryMs(claimed.tries, this.deps.random(), outcome.retryAfterMs);
    const { error } = outcome;
    if (!outcome.final && dueAt < claimed.deadline) return { kind: 'retry', dueAt, error };
    const entry: LedgerEntry = {
      at,
      actor: 'notifier',
      action: 'notification.failed',
      entity: 'notification',
      id: claimed.id,
      set: { status: 'failed', channel: claimed.channel, thread: claimed.thread, tries: claimed.tries },
      reason: `${claimed.channel}: ${error}`,
      ...(claimed.message.runId !== undefined && { runId: claimed.message.runId }),
    };
    return { kind: 'failed', at, error, entry };
  }

  /** Keeps count of a channel's failures, and tells when it goes down and comes back. */
  private async note(channel: ChannelName, outcome: SendOutcome): Promise<void> {
    const before = this.states.get(channel)?.failures ?? 0;
    const failures = outcome.ok ? 0 : outcome.final ? Math.max(before + 1, NOTIFY.downAfter) : before + 1;
    const state = { channel, failures, ...(!outcome.ok && { error: outcome.error }) };
    this.states.set(channel, state);
    const isDown = failures >= NOTIFY.downAfter;
    const changed = isDown !== before >= NOTIFY.downAfter;
    if (!changed) return;
    for (const listener of this.downListeners) await listener(state);
  }

  private async purge(): Promise<void> {
    const now = this.deps.clock.now();
    if (now - this.purgedAt < NOTIFY.purgeEveryMs) return;
    this.purgedAt = now;
    await this.deps.store.purgeNotifications(now - NOTIFY.keepMs, NOTIFY.purgeBatch);
  }
}

/** A channel promises not to throw; should one break its promise, the message is tried again. */
async function sendGuarded(channel: Channel, messages: Parameters<Channel['send']>[0]): Promise<SendOutcome> {
  try {
    return await channel.send(messages);
  } catch (error) {
    return { ok: false, error: (error as Error).name, final: false };
  }
}
