/** Keeps a crawl's output compact. */
import { LIMITS } from './limits';
import type { Crawl, Page } from './schema';

/** List lengths to try, from generous to none. */
const STEPS = [LIMITS.links, 40, 15, 5, 0];

/** Shortens the pages' lists until the whole fits LIMITS.outputBytes; drops last pages if even that is not enough. */
export function fit(crawl: Crawl): Crawl {
  for (const length of STEPS) {
    const shorter = { ...crawl, pages: crawl.pages.map((page) => shorten(page, length)) };
    if (length < LIMITS.links) shorter.truncated = [...crawl.truncated, 'output'];
    if (size(shorter) <= LIMITS.outputBytes) return shorter;
  }
  const pages = crawl.pages.map((page) => shorten(page, 0));
  const rest: Crawl = { ...crawl, pages: [], truncated: [...crawl.truncated, 'output'] };
  let left = LIMITS.outputBytes - size(rest);
  rest.pages = pages.filter((page) => (left -= size(page) + 1) >= 0);
  return rest;
}

function shorten(page: Page, length: number): Page {
  return {
    ...page,
    links: page.links.slice(0, length),
    headings: page.headings.slice(0, Math.min(length, LIMITS.headings)),
    images: {
      ...page.images,
      missingAlt: page.images.missingAlt.slice(0, Math.min(length, LIMITS.missingAlt)),
    },
  };
}

function size(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
