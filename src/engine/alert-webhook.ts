/**
 * Tells a chat of alerts: one POST of `{ "text" }`, as Slack, Mattermost and many others take it.
 * Alerts that come together go together. Best effort: the record and `GET /alerts` have them all.
 */
import type { EventEmitter } from 'node:events';
import { request } from 'undici';
import type { Secret } from '../config/secret';
import type { Alert, AlertChange } from '../domain/alert';
import type { EngineEvents } from './context';
import type { Clock, Log } from './ports';

/** How long alerts are gathered before they are told. */
const GATHER_MS = 2_000;
const CALL_MS = 10_000;
/** Pauses before the second try and the third; then the message is given up. */
const PAUSES_MS = [2_000, 15_000];
/** Lines in one message, and alerts that wait to be told. */
const MAX_LINES = 10;
const MAX_WAITING = 100;

export interface AlertWebhookDeps {
  events: EventEmitter<EngineEvents>;
  clock: Clock;
  log: Pick<Log, 'warn'>;
  /** Holds a token in most products: it appears in no log and no error. */
  url: Secret;
}

export class AlertWebhook {
  private waiting: string[] = [];
  private dropped = 0;
  private sending = false;
  private closed = false;
  private cancel: () => void = () => undefined;
  private readonly onAlert = (alert: Alert, change: AlertChange) => this.add(alert, change);

  constructor(private readonly deps: AlertWebhookDeps) {
    deps.events.on('alert', this.onAlert);
  }

  /** Stops listening; what is not told yet is left to `GET /alerts`. */
  close(): void {
    this.closed = true;
    this.deps.events.off('alert', this.onAlert);
    this.cancel();
  }

  private add(alert: Alert, change: AlertChange): void {
    // Whoever acknowledged it knows.
    if (change === 'acknowledged') return;
    const text =
      change === 'raised' ? `⚠ ${alert.message}` : `✓ ${alert.kind} ${alert.subject}: ${alert.resolution}`;
    if (this.waiting.length < MAX_WAITING) this.waiting.push(text);
    else this.dropped += 1;
    if (!this.sending) this.sendSoon();
  }

  private sendSoon(): void {
    this.sending = true;
    this.cancel = this.deps.clock.after(GATHER_MS, () => void this.send());
  }

  private async send(): Promise<void> {
    const lines = this.waiting.splice(0, MAX_LINES);
    const more = this.waiting.length + this.dropped;
    this.waiting = [];
    this.dropped = 0;
    if (more > 0) lines.push(`… and ${more} more: GET /alerts lists them.`);
    await this.deliver(JSON.stringify({ text: lines.join('\n') }), 0);
    if (this.closed) return;
    this.sending = false;
    if (this.waiting.length > 0) this.sendSoon();
  }

  /** Never throws: an alert that cannot be told must not become trouble of its own. */
  private async deliver(body: string, tries: number): Promise<void> {
    const fault = await this.post(body);
    if (fault === undefined || this.closed) return;
    const pause = fault.final ? undefined : PAUSES_MS[tries];
    this.deps.log.warn(
      { tries: tries + 1 },
      `ALERT_WEBHOOK_URL did not take an alert (${fault.text}); ${pause === undefined ? 'it is given up, see GET /alerts' : 'it is tried again'}`,
    );
    if (pause === undefined) return;
    await new Promise<void>((resolve) => {
      const stop = this.deps.clock.after(pause, resolve);
      this.cancel = () => {
        stop();
        resolve();
      };
    });
    if (!this.closed) await this.deliver(body, tries + 1);
  }

  /** What went wrong, without a word of the address; `final`: the same again would go wrong again. */
  private async post(body: string): Promise<{ text: string; final: boolean } | undefined> {
    try {
      const { statusCode, body: answer } = await request(this.deps.url.reveal(), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        headersTimeout: CALL_MS,
        bodyTimeout: CALL_MS,
        signal: AbortSignal.timeout(CALL_MS),
      });
      await answer.dump();
      if (statusCode < 300) return undefined;
      return { text: `it answered ${statusCode}`, final: statusCode < 500 && statusCode !== 429 };
    } catch (error) {
      return { text: (error as { code?: string }).code ?? 'no answer', final: false };
    }
  }
}
