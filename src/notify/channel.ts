/** The port to one way of telling people something. */
import type { ChannelName, Notification } from '../domain/notification';

/** What was told, or why it was not. */
export type SendOutcome =
  | { ok: true }
  /** `final`: the same again would fail again. The error holds no address and no token. */
  | { ok: false; error: string; final: boolean; retryAfterMs?: number };

export interface Outgoing {
  /** Of this message in this channel: the same at every try. */
  id: string;
  message: Notification;
  /** When it came about, in epoch milliseconds. */
  at: number;
}

export interface Channel {
  readonly name: ChannelName;
  /** How many messages that came together may be told together. */
  readonly batch: number;
  /** Tells all of them, or none. Never throws; ends within {@link CALL_MS} or so. */
  send(messages: readonly Outgoing[]): Promise<SendOutcome>;
  close(): Promise<void>;
}

/** One call of a channel. */
export const CALL_MS = 10_000;
