/** Reads what an audit needs from one HTML document. */
import { createHash } from 'node:crypto';
import type { CheerioAPI, load } from 'cheerio/slim' with { 'resolution-mode': 'import' };
import { clip, LIMITS } from './limits';
import type { Page } from './schema';
import { resolveLink, sameSite } from './site';

export type Content = Omit<
  Page,
  'url' | 'redirectedTo' | 'status' | 'contentType' | 'bytes' | 'ms' | 'truncated'
>;

/** The parser, which whoever has a page to read has loaded. */
export type LoadHtml = typeof load;

/** Scripts without spaces between words are counted by character. */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;

/**
 * @param url the document's own address, to resolve links against
 * @param robotsHeader value of X-Robots-Tag, which says the same things as the robots meta element
 */
export function parsePage(parse: LoadHtml, html: string, url: string, robotsHeader?: string): Content {
  const $ = parse(html);
  const base = resolveLink($('base[href]').first().attr('href') ?? '', url)?.href ?? url;
  const headings = $('h1,h2,h3,h4,h5,h6')
    .toArray()
    .map((node) => ({
      level: Number(node.tagName.slice(1)),
      text: clip(squeeze($(node).text()), 120),
    }));
  const canonical = $('link[rel~="canonical"]').first().attr('href');
  const structured = structuredData($);
  const links = pageLinks($, base, new URL(url));
  const images = $('img').toArray();
  const missingAlt = images.filter((node) => node.attribs['alt'] === undefined);
  const lang = $('html').attr('lang')?.trim();
  const robots = [meta($, 'robots'), robotsHeader].filter((part) => part).join(', ');
  $('script,style,noscript,template,svg').remove();
  const body = $('body').length > 0 ? $('body').text() : $.root().text();
  const text = squeeze(body).slice(0, LIMITS.textLength);
  const main = $('main,[role="main"]').first();
  return {
    ...optional('title', squeeze($('title').not('svg title').first().text())),
    ...optional('description', meta($, 'description')),
    ...optional('canonical', canonical && (resolveLink(canonical, base)?.href ?? canonical)),
    ...optional('lang', lang),
    ...optional('robotsMeta', robots),
    viewport: meta($, 'viewport') !== undefined,
    h1: headings
      .filter(({ level }) => level === 1)
      .map((heading) => heading.text)
      .slice(0, 10),
    headings: headings.slice(0, LIMITS.headings),
    wordCount: (main.length > 0 ? squeeze(main.text()) : text).match(WORD)?.length ?? 0,
    textHash: createHash('sha256').update(text.toLowerCase()).digest('hex').slice(0, 16),
    images: {
      total: images.length,
      missingAlt: missingAlt.slice(0, LIMITS.missingAlt).map((node) => clip(node.attribs['src'] ?? '', 200)),
    },
    links,
    ...structured,
  };
}

function squeeze(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function optional<K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> {
  return value ? ({ [key]: clip(value) } as Record<K, string>) : {};
}

function meta($: CheerioAPI, name: string): string | undefined {
  const node = $('meta[name]').filter((_, element) => $(element).attr('name')?.toLowerCase() === name);
  return node.length > 0 ? squeeze(node.first().attr('content') ?? '') : undefined;
}

/** Every link once, in document order. */
function pageLinks($: CheerioAPI, base: string, self: URL): Page['links'] {
  const found = new Map<string, boolean>();
  for (const node of $('a[href],area[href]').toArray()) {
    const url = resolveLink(node.attribs['href'] ?? '', base);
    if (url && found.size < LIMITS.queuedUrls) found.set(url.href, sameSite(url, self));
  }
  return [...found].map(([href, internal]) => ({ href, internal }));
}

function structuredData($: CheerioAPI): Pick<Page, 'structuredData' | 'structuredDataErrors'> {
  const types = new Set<string>();
  let errors = 0;
  for (const node of $('script[type="application/ld+json"]').toArray()) {
    try {
      collectTypes(JSON.parse($(node).text()), types, 0);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      errors++;
    }
  }
  for (const node of $('[itemtype]').toArray()) types.add(node.attribs['itemtype']?.split('/').pop() ?? '');
  types.delete('');
  return {
    structuredData: [...types].slice(0, LIMITS.structuredData).map((type) => clip(type, 100)),
    structuredDataErrors: errors,
  };
}

const MAX_JSON_LD_DEPTH = 6;

function collectTypes(value: unknown, types: Set<string>, depth: number): void {
  if (depth > MAX_JSON_LD_DEPTH || typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) return value.forEach((item) => collectTypes(item, types, depth + 1));
  for (const [key, item] of Object.entries(value)) {
    if (key === '@type') [item].flat().forEach((type) => typeof type === 'string' && types.add(type));
    else collectTypes(item, types, depth + 1);
  }
}
