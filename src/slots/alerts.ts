/** Tells the contract's webhook what people should know: one POST of `{ "text" }`, as most chats take it. */
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from './errors';
import type { Log } from './log';

const CALL_MS = 10_000;
/** Before the second try and the third; then the log alone has it. */
const PAUSES_MS = [1_000, 5_000];
const MAX_TEXT = 2_000;

export class Alerts {
  private readonly closing = new AbortController();
  private readonly sending = new Set<Promise<void>>();

  /** @param url holds a token in most products: it appears in no log and no error */
  constructor(
    private readonly url: string | undefined,
    private readonly app: string,
    private readonly log: Log,
  ) {}

  /** Never throws, never waits: an alert must not hold up what it tells of. */
  tell(text: string): void {
    this.log.warn(text);
    if (this.url === undefined) return;
    const sent = this.send(this.url, JSON.stringify({ text: `${this.app}: ${text}`.slice(0, MAX_TEXT) }));
    this.sending.add(sent);
    void sent.finally(() => this.sending.delete(sent));
  }

  /** Gives what is on its way a moment, then lets it go. */
  async close(graceMs: number): Promise<void> {
    await Promise.race([Promise.all(this.sending), delay(graceMs, undefined, { ref: false })]);
    this.closing.abort();
  }

  private async send(url: string, body: string): Promise<void> {
    for (const pause of [...PAUSES_MS, undefined]) {
      const fault = await this.post(url, body);
      if (fault === undefined || this.closing.signal.aborted) return;
      if (pause === undefined) return this.log.warn(`alert_webhook did not take an alert: ${fault}.`);
      await delay(pause, undefined, { ref: false });
    }
  }

  /** What went wrong, without a word of the address. */
  private async post(url: string, body: string): Promise<string | undefined> {
    try {
      // The platform's own client: nothing is loaded before there is something to tell.
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.closing.signal, AbortSignal.timeout(CALL_MS)]),
      });
      await answer.body?.cancel();
      return answer.ok ? undefined : `it answered ${answer.status}`;
    } catch (error) {
      return codeOf((error as Error).cause) ?? 'no answer';
    }
  }
}
