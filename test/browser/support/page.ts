/** Pages of a dashboard under test: what they complain about fails the test. */
import { readFileSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium, LAUNCH_DEADLINE_MS } from './chromium';

/** Long enough for a machine that does much else. */
const ACTION_DEADLINE_MS = 25_000;
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export interface Watched {
  page: Page;
  /** Errors of scripts, refusals of the policy, and what is asked for and is not there; other failures are none. */
  complaints: string[];
}

export interface Browsing {
  open: (address: string, options?: BrowserContextOptions) => Promise<Watched>;
}

/** Call at the top of a test file: one Chromium, which ends with it; pages end with their test. */
export function useChromium(): Browsing {
  let browser: Browser;
  const pages: Watched[] = [];
  beforeAll(async () => {
    browser = await launchChromium();
  }, LAUNCH_DEADLINE_MS);
  afterEach(async () => {
    const ended = pages.splice(0);
    for (const { page } of ended) await page.context().close();
    expect(ended.flatMap(({ complaints }) => complaints)).toEqual([]);
  });
  afterAll(() => browser.close());
  return {
    open: async (address, options = {}) => {
      const context = await browser.newContext({ timezoneId: 'Europe/Berlin', ...options });
      context.setDefaultTimeout(ACTION_DEADLINE_MS);
      const page = await context.newPage();
      const watched: Watched = { page, complaints: [] };
      page.on('pageerror', (error) => watched.complaints.push(String(error)));
      page.on('console', (message) => {
        const text = message.text();
        const isRequest = text.startsWith('Failed to load resource');
        if (message.type() === 'error' && !isRequest) watched.complaints.push(text);
      });
      page.on('response', (response) => {
        if (response.status() === 404) watched.complaints.push(`404: ${response.url()}`);
      });
      pages.push(watched);
      await page.goto(address);
      return watched;
    },
  };
}

interface AxeResult {
  violations: Array<{ id: string; help: string; nodes: Array<{ html: string; failureSummary?: string }> }>;
}

/** All that another theme changes. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

/** Brings axe-core into this page: through the debugger, as the page's policy lets no script in. */
async function withAxe(page: Page): Promise<void> {
  // Half a megabyte, so not twice into the same page.
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(AXE);
}

/** What axe-core finds wrong, in a line each. */
export async function violations(page: Page, which: 'all' | 'colours' = 'all'): Promise<string[]> {
  await withAxe(page);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const runOnly = which === 'all' ? tags : COLOUR_RULES;
  const { violations: found } = await page.evaluate<AxeResult>(
    `axe.run(document, { runOnly: ${JSON.stringify(runOnly)}, resultTypes: ['violations'] })`,
  );
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary}`),
  );
}

/** Waits until every query of the page has an answer. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}
