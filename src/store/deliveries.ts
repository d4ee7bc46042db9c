/** The inbox's part of the record: what agents sent, kept for a day for people to look at. Never the truth of a run. */
import type { LedgerEntry } from '../domain/ledger';
import type { Page } from './store';

export type SignatureVerdict =
  | { kind: 'valid' }
  /** The sender did not sign. */
  | { kind: 'absent' }
  /** It is signed, and there is no secret to check it with. */
  | { kind: 'unchecked' }
  | { kind: 'invalid'; reason: string };

export interface ShapeDifference {
  /** `usage.0.model`; empty for the whole body. */
  field: string;
  saw: string;
  expected: string;
}

export type ShapeVerdict =
  | { kind: 'fits' }
  /** `more` differences than are listed. */
  | { kind: 'differs'; differences: ShapeDifference[]; more: number }
  /** Nothing to compare: it is not a result, or its body was not read. */
  | { kind: 'unchecked'; reason: string };

/** The two verdicts and the answer in one word; the gravest fault wins. */
export const DELIVERY_VERDICTS = ['ok', 'misshapen', 'bad-signature', 'refused'] as const;
export type DeliveryVerdict = (typeof DELIVERY_VERDICTS)[number];

/** `cut`: only its beginning is kept. `redacted`: a secret was taken out. `unread`: refused before it was read. */
export const BODY_STATES = ['whole', 'cut', 'redacted', 'unread'] as const;
export type BodyState = (typeof BODY_STATES)[number];

/** The attempt an authentic result was sent for. */
export interface DeliveryAttempt {
  runId: string;
  stepId: string;
  attempt: number;
}

/** What a list shows. Nothing in it, and nothing in {@link Delivery}, is a secret. */
export interface DeliverySummary {
  /** UUID. */
  id: string;
  bin: string;
  /** Epoch milliseconds. */
  receivedAt: number;
  method: string;
  /** With its query. */
  path: string;
  verdict: DeliveryVerdict;
  signature: SignatureVerdict;
  shape: ShapeVerdict;
  answer: { status: number; text: string };
  /** What the body says it is about, where it says so. */
  about: { runId?: string; stepId?: string; status?: string };
  /** Of the body as it came. */
  bodyBytes: number;
  bodyState: BodyState;
  /** Proved by the token it came with. */
  proved?: DeliveryAttempt;
}

export interface Delivery extends DeliverySummary {
  headers: Record<string, string>;
  body: Buffer;
}

export interface DeliveryFilter {
  bin?: string;
  verdict?: DeliveryVerdict;
}

/** What is kept, of the proved deliveries and of all others apart: strangers cannot push out agents' results. */
export interface DeliveryQuota {
  receivedAfter: number;
  count: number;
  bytes: number;
}

export interface DeliveryStore {
  addDeliveries(deliveries: readonly Delivery[]): Promise<void>;
  /** Newest first. */
  deliveries(filter: DeliveryFilter, limit: number, cursor?: string): Promise<Page<DeliverySummary>>;
  delivery(id: string): Promise<Delivery | undefined>;
  /**
   * Removes a bin's deliveries, or all. Answers how many went.
   * @param entryFor what is written down of it, unless nothing went
   */
  clearDeliveries(bin?: string, entryFor?: (removed: number) => LedgerEntry): Promise<number>;
  /** Removes what is beyond the quota. Answers how many went. */
  trimDeliveries(quota: DeliveryQuota): Promise<number>;
}
