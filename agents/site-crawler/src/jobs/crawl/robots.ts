/** robots.txt, read once per origin, by RFC 9309. */
import robotsParser from 'robots-parser';
import type { Fetched } from './fetch-page';
import { reasonOf } from './limits';

interface Rules {
  found: boolean;
  /** Seconds between two requests. */
  crawlDelay?: number;
  /** Why a URL may not be requested. */
  refuses(url: URL): string | undefined;
}

/** Answers for all origins of a site: http and https, with and without `www.`. */
export class Robots {
  readonly #origins = new Map<string, Promise<Rules>>();

  constructor(
    private readonly userAgent: string,
    private readonly load: (url: string) => Promise<Fetched>,
  ) {}

  of(url: URL): Promise<Rules> {
    const known = this.#origins.get(url.origin) ?? this.#read(url.origin);
    this.#origins.set(url.origin, known);
    return known;
  }

  /** No robots.txt (4xx) allows everything; one that cannot be had (5xx, no answer) allows nothing. */
  async #read(origin: string): Promise<Rules> {
    const url = `${origin}/robots.txt`;
    let fetched: Fetched;
    try {
      fetched = await this.load(url);
    } catch (error) {
      return { found: false, refuses: () => `robots.txt could not be read (${reasonOf(error)})` };
    }
    if (fetched.status >= 500)
      return { found: false, refuses: () => `robots.txt answered ${fetched.status}` };
    if (fetched.status !== 200) return { found: false, refuses: () => undefined };
    const rules = robotsParser(url, fetched.body);
    const crawlDelay = rules.getCrawlDelay(this.userAgent);
    return {
      found: true,
      ...(crawlDelay !== undefined && Number.isFinite(crawlDelay) && crawlDelay > 0 && { crawlDelay }),
      refuses: (page) =>
        rules.isDisallowed(page.href, this.userAgent) ? 'disallowed by robots.txt' : undefined,
    };
  }
}
