/** Walks one site breadth first: pages in batches, then the links that were not walked. */
import { fetchPage, type Fetched } from './fetch-page';
import { fit } from './fit';
import { LIMITS, clip, reasonOf } from './limits';
import { LinkLedger } from './links';
import { Pace } from './pace';
import { parsePage, type LoadHtml } from './parse-page';
import { Robots } from './robots';
import type { Crawl, Page } from './schema';
import { looksLikePage, resolveLink, sameSite } from './site';

export interface CrawlOptions {
  siteUrl: string;
  maxPages: number;
  maxBytesPerPage: number;
  maxTotalBytes: number;
  maxSeconds: number;
  timeoutMs: number;
  delayMs: number;
  userAgent: string;
}

/** An address that is not requested, by rule. */
class Refused extends Error {
  constructor(
    message: string,
    readonly url: string,
  ) {
    super(message);
  }
}

export class Crawler {
  readonly #start: URL;
  readonly #startedAt = performance.now();
  readonly #budget: AbortSignal;
  readonly #signal: AbortSignal;
  readonly #pace: Pace;
  readonly #robots: Robots;
  readonly #links = new LinkLedger();
  readonly #pages: Page[] = [];
  readonly #seen = new Set<string>();
  readonly #queue: string[] = [];
  readonly #skipped: Crawl['skipped'] = [];
  readonly #truncated = new Set<Crawl['truncated'][number]>();
  #bytes = 0;
  #requests = 0;

  constructor(
    private readonly options: CrawlOptions,
    private readonly cancelled: AbortSignal,
    private readonly load: LoadHtml,
  ) {
    this.#start = new URL(options.siteUrl);
    this.#start.hash = '';
    this.#budget = AbortSignal.timeout(options.maxSeconds * 1000);
    this.#signal = AbortSignal.any([cancelled, this.#budget]);
    this.#pace = new Pace(options.delayMs);
    this.#robots = new Robots(options.userAgent, (url) => this.#fetch(url, LIMITS.robotsBytes, 'GET', false));
  }

  /** @throws when the start page cannot be had, or when the crawl is cancelled */
  async crawl(): Promise<Crawl> {
    const robots = await this.#robots.of(this.#start);
    this.#pace.delayMs = Math.max(this.#pace.delayMs, (robots.crawlDelay ?? 0) * 1000);
    this.#enqueue(this.#start);
    await this.#walk();
    await this.#checkLinks();
    this.cancelled.throwIfAborted();
    return fit({
      siteUrl: this.#start.href,
      pages: this.#pages,
      links: this.#links.summary(),
      skipped: this.#skipped,
      robots: { found: robots.found, ...(robots.crawlDelay && { crawlDelay: robots.crawlDelay }) },
      truncated: [...this.#truncated],
      totals: {
        pages: this.#pages.length,
        bytes: this.#bytes,
        requests: this.#requests,
        ms: Math.round(performance.now() - this.#startedAt),
      },
    });
  }

  async #walk(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopped()) {
      const room = this.options.maxPages - this.#pages.length;
      if (room <= 0) return void this.#truncated.add('pages');
      if (this.#bytes >= this.options.maxTotalBytes) return void this.#truncated.add('bytes');
      const batch = this.#queue.splice(0, Math.min(room, LIMITS.concurrency));
      const visits = await Promise.all(batch.map((url) => this.#visit(url)));
      // In the order of the queue, so that the same site gives the same output.
      batch.forEach((url, index) => this.#record(url, visits[index]));
    }
  }

  async #visit(url: string): Promise<Fetched | Error> {
    const reason = (await this.#robots.of(new URL(url))).refuses(new URL(url));
    if (reason) return new Refused(reason, url);
    return this.#fetch(url, this.options.maxBytesPerPage, 'GET').catch((error: unknown) =>
      error instanceof Refused ? error : new Error(reasonOf(error), { cause: error }),
    );
  }

  #record(url: string, visit: Fetched | Error | undefined): void {
    if (visit === undefined || this.#stopped()) return;
    if (visit instanceof Error) return this.#recordFailure(url, visit);
    const to = visit.redirects.at(-1);
    this.#links.result(url, { status: visit.status, ...(to && { to }) });
    if (to && this.#seen.has(to)) return; // queued or read under its own address
    if (to) this.#links.result(to, { status: visit.status });
    this.#seen.add(visit.url);
    if (url === this.#start.href && visit.status >= 400)
      throw new Error(`input.siteUrl: ${url} answered ${visit.status}`);
    if (!/html/i.test(visit.contentType))
      return this.#skip(url, `not HTML (${visit.contentType || 'no type'})`);
    this.#recordPage(url, visit);
  }

  #recordFailure(url: string, error: Error): void {
    if (url === this.#start.href)
      throw new Error(`input.siteUrl: ${url}: ${error.message}`, { cause: error });
    this.#skip(url, error.message);
    if (!(error instanceof Refused)) this.#links.result(url, { error: error.message });
    else if (error.url !== url) this.#links.result(url, { to: error.url });
  }

  #recordPage(url: string, fetched: Fetched): void {
    const content = parsePage(this.load, fetched.body, fetched.url, fetched.robotsHeader);
    this.#pages.push({
      url,
      ...(fetched.url !== url && { redirectedTo: fetched.url }),
      status: fetched.status,
      contentType: clip(fetched.contentType, 100),
      bytes: fetched.bytes,
      ms: fetched.ms,
      ...(fetched.truncated && { truncated: true }),
      ...content,
    });
    if (fetched.status >= 400) return;
    for (const { href } of content.links.filter(({ internal }) => internal)) {
      const target = resolveLink(href, fetched.url);
      if (!target) continue;
      this.#links.link(fetched.url, target.href);
      if (looksLikePage(target)) this.#enqueue(target);
    }
  }

  #enqueue(url: URL): void {
    if (this.#seen.has(url.href)) return;
    if (this.#seen.size >= LIMITS.queuedUrls) return void this.#truncated.add('links');
    this.#seen.add(url.href);
    this.#queue.push(url.href);
  }

  /** Asks for the headers of linked addresses that were not walked: files, and pages beyond the limit. */
  async #checkLinks(): Promise<void> {
    const refused = new Set(this.#skipped.map(({ url }) => url));
    const unchecked = this.#links.unchecked().filter((url) => !refused.has(url));
    if (unchecked.length > LIMITS.linkChecks) this.#truncated.add('links');
    const queue = unchecked.slice(0, LIMITS.linkChecks);
    while (queue.length > 0 && !this.#stopped())
      await Promise.all(queue.splice(0, LIMITS.concurrency).map((url) => this.#checkLink(url)));
  }

  async #checkLink(url: string): Promise<void> {
    const reason = (await this.#robots.of(new URL(url))).refuses(new URL(url));
    if (reason) return this.#skip(url, reason);
    try {
      const head = await this.#fetch(url, 0, 'HEAD');
      // Some servers answer HEAD with "not allowed" although the page is there.
      const answer = [405, 501].includes(head.status) ? await this.#fetch(url, 0, 'GET') : head;
      const to = answer.redirects.at(-1);
      this.#links.result(url, { status: answer.status, ...(to && { to }) });
    } catch (error) {
      if (this.#stopped()) return;
      if (!(error instanceof Refused)) return this.#links.result(url, { error: reasonOf(error) });
      this.#links.result(url, { to: error.url });
    }
  }

  async #fetch(url: string, maxBytes: number, method: 'GET' | 'HEAD', ruled = true): Promise<Fetched> {
    await this.#pace.turn(this.#signal);
    this.#requests++;
    const { userAgent, timeoutMs } = this.options;
    const fetched = await fetchPage(url, {
      method,
      userAgent,
      timeoutMs,
      maxBytes: Math.min(maxBytes, Math.max(0, this.options.maxTotalBytes - this.#bytes)),
      signal: this.#signal,
      allow: (target) => this.#allow(target, ruled),
    });
    this.#bytes += fetched.bytes;
    return fetched;
  }

  async #allow(target: URL, ruled: boolean): Promise<void> {
    if (!sameSite(target, this.#start))
      throw new Refused(`redirects to another host (${target.host})`, target.href);
    const reason = ruled ? (await this.#robots.of(target)).refuses(target) : undefined;
    if (reason) throw new Refused(`redirects to ${target.href}: ${reason}`, target.href);
    await this.#pace.turn(this.#signal);
    this.#requests++;
  }

  #skip(url: string, reason: string): void {
    if (this.#skipped.length < LIMITS.skipped) this.#skipped.push({ url, reason });
  }

  /** True when the time budget is used up; throws when the crawl is cancelled. */
  #stopped(): boolean {
    this.cancelled.throwIfAborted();
    if (this.#budget.aborted) this.#truncated.add('time');
    return this.#budget.aborted;
  }
}
