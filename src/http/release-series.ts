/** Figures by agent and release. Releases come and go, so the series of those that work no more are taken out. */
import type { Counter } from 'prom-client';

/** Digits of a release's id in a label, as people are shown it; none for an agent without releases. */
const SHOWN = 12;
/** A release that nothing points to and that did nothing for so long is told of no more: scraped often enough. */
export const FORGET_MS = 3_600_000;
/** Series of one figure; beyond it what comes last is added up under no release. */
export const MAX_SERIES = 2_000;

export const releaseLabel = (releaseId: string | undefined): string => (releaseId ?? '').slice(0, SHOWN);

interface Labels {
  agent: string;
  release: string;
}

/** Which releases a figure was told of, and when last. */
export class ReleaseSeries {
  private readonly told = new Map<string, { labels: Labels & Record<string, string>; at: number }>();

  constructor(private readonly counter: Pick<Counter, 'inc' | 'remove'>) {}

  add<L extends Labels & Record<string, string>>(labels: L, by: number, now: number): void {
    const key = keyOf(labels);
    const known = this.told.get(key);
    if (known) known.at = now;
    else if (this.told.size >= MAX_SERIES && labels.release !== '')
      return this.add({ ...labels, release: '' }, by, now);
    else this.told.set(key, { labels, at: now });
    this.counter.inc(labels, by);
  }

  /** @param active labels of the releases that pointers are on */
  forget(active: ReadonlySet<string>, now: number): void {
    for (const [key, { labels, at }] of this.told) {
      if (labels.release === '' || active.has(labels.release) || now - at <= FORGET_MS) continue;
      this.counter.remove(labels);
      this.told.delete(key);
    }
  }
}

/** Whoever adds to one figure gives its labels in one order. */
const keyOf = (labels: Record<string, string>): string => JSON.stringify(Object.values(labels));
