/** What is looked for on a page. Each rule is pure and speaks about one page at a time. */
import type { Opportunity, Page, Problem, Site } from './schema';

/** Lengths in characters, as search results show them; words for thin pages. */
const BOUNDS = { title: [15, 65], description: [50, 165], thinWords: 100 } as const;

/** A page together with what only a look at the whole site can tell. */
export interface PageInSite {
  page: Page;
  sameTitle: string[];
  sameDescription: string[];
  sameText: string[];
  brokenLinks: Site['links']['broken'];
  redirectedLinks: Site['links']['redirected'];
}

export interface Rule extends Pick<Opportunity, 'title' | 'why' | 'effort' | 'impact'> {
  id: string;
  severity: Problem['severity'];
  /** What is wrong, in words for the page's owner; undefined when nothing is. */
  check(seen: PageInSite): string | undefined;
}

function outside(
  text: string | undefined,
  [shortest, longest]: readonly [number, number],
): string | undefined {
  if (!text) return undefined;
  if (text.length < shortest) return `only ${text.length} characters: at least ${shortest} tell more`;
  return text.length > longest
    ? `${text.length} characters: search results cut it at about ${longest}`
    : undefined;
}

function skippedLevel({ headings }: Page): string | undefined {
  const at = headings.findIndex(({ level }, n) => n > 0 && level > (headings[n - 1]?.level ?? 0) + 1);
  const heading = headings[at];
  return heading && `h${headings[at - 1]?.level} is followed by h${heading.level} (“${heading.text}”)`;
}

function h1Count({ headings }: Page): number {
  return headings.filter(({ level }) => level === 1).length;
}

function list(urls: string[]): string {
  const [shown, rest] = [urls.slice(0, 3), urls.length - 3];
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function canonicalElsewhere(page: Page): string | undefined {
  const self = page.redirectedTo ?? page.url;
  if (!page.canonical || page.canonical === self) return undefined;
  return URL.canParse(page.canonical)
    ? `points to ${page.canonical}, so this page is not indexed itself`
    : `is not an address: ${page.canonical}`;
}

/** In the order in which a report lists them when nothing else decides. */
export const RULES: readonly Rule[] = [
  {
    id: 'page-error',
    severity: 'error',
    effort: 'medium',
    impact: 'high',
    title: 'Repair pages that answer with an error',
    why: 'Visitors and search engines reach a dead end; an address that keeps failing drops out of the index.',
    check: ({ page }) => (page.status >= 400 ? `answers with status ${page.status}` : undefined),
  },
  {
    id: 'noindex',
    severity: 'error',
    effort: 'low',
    impact: 'high',
    title: 'Let search engines index the pages that should be found',
    why: 'A page marked noindex never appears in search results, however good it is.',
    check: ({ page }) =>
      /\b(?:noindex|none)\b/i.test(page.robotsMeta ?? '') ? `robots says “${page.robotsMeta}”` : undefined,
  },
  {
    id: 'links-broken',
    severity: 'error',
    effort: 'low',
    impact: 'high',
    title: 'Mend broken internal links',
    why: 'Each one ends a visit, and search engines stop following the site there.',
    check: ({ brokenLinks }) =>
      brokenLinks.length > 0
        ? brokenLinks
            .slice(0, 3)
            .map((link) => `${link.url} (${link.error ?? link.status})`)
            .join(', ')
        : undefined,
  },
  {
    id: 'title-missing',
    severity: 'error',
    effort: 'low',
    impact: 'high',
    title: 'Give every page a title',
    why: 'The title is the headline of a search result and the strongest hint of what a page is about.',
    check: ({ page }) => (page.title ? undefined : 'has no title'),
  },
  {
    id: 'title-duplicate',
    severity: 'warning',
    effort: 'low',
    impact: 'high',
    title: 'Make titles unique',
    why: 'Pages that share a title compete with each other and cannot be told apart in search results.',
    check: ({ sameTitle }) => (sameTitle.length > 0 ? `shares its title with ${list(sameTitle)}` : undefined),
  },
  {
    id: 'h1-missing',
    severity: 'warning',
    effort: 'low',
    impact: 'medium',
    title: 'Give every page one main heading',
    why: 'The h1 tells readers, screen readers and search engines what the page is about.',
    check: ({ page }) => (h1Count(page) === 0 ? 'has no h1' : undefined),
  },
  {
    id: 'description-missing',
    severity: 'warning',
    effort: 'low',
    impact: 'medium',
    title: 'Write the missing descriptions',
    why: 'Without one, search engines pick a piece of the page themselves; a good one brings more clicks.',
    check: ({ page }) => (page.description ? undefined : 'has no meta description'),
  },
  {
    id: 'text-duplicate',
    severity: 'warning',
    effort: 'medium',
    impact: 'medium',
    title: 'Merge duplicate pages, or name one canonical',
    why: 'Links and rankings are split between the copies.',
    check: ({ page, sameText }) =>
      sameText.length > 0 && !canonicalElsewhere(page) ? `has the same text as ${list(sameText)}` : undefined,
  },
  {
    id: 'description-duplicate',
    severity: 'notice',
    effort: 'low',
    impact: 'medium',
    title: 'Make descriptions unique',
    why: 'The same description everywhere says nothing about the single page.',
    check: ({ sameDescription }) =>
      sameDescription.length > 0 ? `shares its description with ${list(sameDescription)}` : undefined,
  },
  {
    id: 'images-alt',
    severity: 'warning',
    effort: 'low',
    impact: 'medium',
    title: 'Describe images with alt text',
    why: 'Screen readers and image search know an image only by its alt text.',
    check: ({ page }) =>
      page.images.missingAlt.length > 0
        ? `${page.images.missingAlt.length} of ${page.images.total} images have no alt attribute: ${list(page.images.missingAlt)}`
        : undefined,
  },
  {
    id: 'thin',
    severity: 'notice',
    effort: 'high',
    impact: 'medium',
    title: 'Say more on thin pages',
    why: 'Pages with hardly any text answer no search.',
    check: ({ page }) => (page.wordCount < BOUNDS.thinWords ? `only ${page.wordCount} words` : undefined),
  },
  {
    id: 'viewport',
    severity: 'warning',
    effort: 'low',
    impact: 'high',
    title: 'Make pages fit mobile screens',
    why: 'Without a viewport element phones show a shrunken desktop page, and indexing looks at the mobile page.',
    check: ({ page }) => (page.viewport ? undefined : 'has no viewport meta element'),
  },
  {
    id: 'lang-missing',
    severity: 'warning',
    effort: 'low',
    impact: 'low',
    title: 'Declare the language',
    why: 'Screen readers choose their voice by it, translators their dictionary.',
    check: ({ page }) => (page.lang ? undefined : 'the html element has no lang attribute'),
  },
  {
    id: 'canonical',
    severity: 'notice',
    effort: 'low',
    impact: 'medium',
    title: 'Check canonical addresses that point elsewhere',
    why: 'A page whose canonical is another page hands its ranking over to it.',
    check: ({ page }) => canonicalElsewhere(page),
  },
  {
    id: 'canonical-missing',
    severity: 'notice',
    effort: 'low',
    impact: 'low',
    title: 'Name the canonical address',
    why: 'It keeps copies of a page (parameters, print views, index.html) from competing with it.',
    check: ({ page }) => (page.canonical ? undefined : 'has no canonical link'),
  },
  {
    id: 'structured-data-invalid',
    severity: 'warning',
    effort: 'low',
    impact: 'medium',
    title: 'Repair structured data',
    why: 'Blocks that cannot be read are ignored, and with them the rich results.',
    check: ({ page }) =>
      page.structuredDataErrors > 0
        ? `${page.structuredDataErrors} JSON-LD blocks are not valid JSON`
        : undefined,
  },
  {
    id: 'structured-data-missing',
    severity: 'notice',
    effort: 'medium',
    impact: 'medium',
    title: 'Add structured data',
    why: 'schema.org types make rich results possible: breadcrumbs, articles, products, questions.',
    check: ({ page }) =>
      page.structuredData.length + page.structuredDataErrors === 0 ? 'has no structured data' : undefined,
  },
  {
    id: 'links-redirected',
    severity: 'notice',
    effort: 'low',
    impact: 'low',
    title: 'Link straight to where redirects lead',
    why: 'Each redirect costs visitors a round trip.',
    check: ({ redirectedLinks }) =>
      redirectedLinks.length > 0
        ? redirectedLinks
            .slice(0, 3)
            .map((link) => `${link.url} → ${link.to}`)
            .join(', ')
        : undefined,
  },
  {
    id: 'h1-multiple',
    severity: 'notice',
    effort: 'low',
    impact: 'low',
    title: 'Keep one h1 per page',
    why: 'Several main headings blur what the page is about.',
    check: ({ page }) => (h1Count(page) > 1 ? `has ${h1Count(page)} h1 headings` : undefined),
  },
  {
    id: 'heading-skipped',
    severity: 'notice',
    effort: 'low',
    impact: 'low',
    title: 'Do not skip heading levels',
    why: 'Readers who move by headings lose the thread.',
    check: ({ page }) => skippedLevel(page),
  },
  {
    id: 'title-length',
    severity: 'notice',
    effort: 'low',
    impact: 'medium',
    title: 'Bring titles to a good length',
    why: 'Short titles waste the headline of the search result, long ones are cut off.',
    check: ({ page }) => outside(page.title, BOUNDS.title),
  },
  {
    id: 'description-length',
    severity: 'notice',
    effort: 'low',
    impact: 'low',
    title: 'Bring descriptions to a good length',
    why: 'Short ones say too little, long ones are cut off.',
    check: ({ page }) => outside(page.description, BOUNDS.description),
  },
];
