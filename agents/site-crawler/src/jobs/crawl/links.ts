/** Who links where inside the site, and what came of each address that was requested. */
import { LIMITS } from './limits';
import type { Crawl, LinkProblem } from './schema';

export interface LinkResult {
  status?: number;
  error?: string;
  /** Where a redirect led. */
  to?: string;
}

export class LinkLedger {
  readonly #sources = new Map<string, Set<string>>();
  readonly #results = new Map<string, LinkResult>();

  link(from: string, to: string): void {
    const sources = this.#sources.get(to) ?? new Set();
    if (sources.size < LIMITS.linkSources) sources.add(from);
    this.#sources.set(to, sources);
  }

  result(url: string, result: LinkResult): void {
    this.#results.set(url, result);
  }

  /** Linked addresses nobody has requested yet. */
  unchecked(): string[] {
    return [...this.#sources.keys()].filter((url) => !this.#results.has(url));
  }

  summary(): Crawl['links'] {
    const linked = [...this.#results].filter(([url]) => this.#sources.has(url));
    const problems = linked.map(([url, result]): LinkProblem => {
      return { url, ...result, from: [...(this.#sources.get(url) ?? [])] };
    });
    const broken = problems.filter(({ status, error }) => error !== undefined || (status ?? 0) >= 400);
    const redirected = problems.filter((problem) => problem.to !== undefined && !broken.includes(problem));
    return {
      checked: linked.length,
      broken: broken.slice(0, LIMITS.linkProblems),
      redirected: redirected.slice(0, LIMITS.linkProblems),
    };
  }
}
