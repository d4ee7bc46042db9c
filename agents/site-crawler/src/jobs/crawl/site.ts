/** Which URLs belong to a site, and how they are written. */
import { LIMITS } from './limits';

/** Files that are not pages: their links are checked, they are never read. */
const NOT_A_PAGE =
  /\.(?:avif|bmp|css|csv|docx?|eot|gif|gz|ico|jpe?g|js|json|map|mjs|mov|mp3|mp4|ogg|pdf|png|pptx?|rar|rss|svg|tar|ttf|txt|wasm|wav|webm|webmanifest|webp|woff2?|xlsx?|xml|zip)$/i;

/** Resolves a link as a browser would, without its fragment. Undefined when it is not a usable http(s) URL. */
export function resolveLink(href: string, base: string): URL | undefined {
  const url = parse(href.trim(), base);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.href.length > LIMITS.urlLength)
    return undefined;
  url.hash = '';
  return url;
}

function parse(href: string, base: string): URL | undefined {
  return URL.canParse(href, base) ? new URL(href, base) : undefined;
}

/** Same host, where `www.` and the scheme's own port make no difference: many sites redirect between those. */
export function sameSite(a: URL, b: URL): boolean {
  return siteKey(a) === siteKey(b);
}

function siteKey(url: URL): string {
  return `${url.hostname.replace(/^www\./, '')}:${url.port}`;
}

export function looksLikePage(url: URL): boolean {
  return !NOT_A_PAGE.test(url.pathname);
}
