/**
 * Writes a picture of every screen at two widths to docs/screenshots:
 *
 *     npm run screenshots             # all
 *     npm run screenshots -- now runs # some
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startEmbeddedPostgres } from '../../src/store/embedded';
import { acts, trigger } from '../e2e/support/runs';
import type { World } from '../e2e/support/world';
import { temporaryFolder } from '../support/folders';
import { until } from '../support/until';
import { launchChromium } from './support/chromium';
import { PROPOSAL, startInstallation } from './support/installation';
import { fillReleases } from './support/releases';

const OUT = resolve(__dirname, '../../docs/screenshots');
const WANTED = process.argv.slice(2);
const WIDTHS = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

/** Runs of every kind, the last one under way. Answers those that have a page. */
async function fill(world: World, url: string): Promise<{ audit: string; pages: string; failed: string }> {
  const orchestrator = { url };
  const pages = Array.from({ length: 9 }, (_, i) => `/page-${i + 1}`);
  const audit = await trigger(
    orchestrator,
    'site-audit',
    acts({ crawl: 'slow:900', analyse: ['error', 'slow:700'], keywords: 'slow:1200', report: 'slow:400' }),
  );
  const fan = await trigger(orchestrator, 'pages', { pages, ...acts({ page: 'slow:120' }) });
  const failed = await trigger(orchestrator, 'markup', acts({ job: 'error' }));
  await trigger(orchestrator, 'newsletter', acts({}));
  await trigger(orchestrator, 'announce', PROPOSAL);
  for (const id of [audit, fan, failed]) await ended(url, id);
  const held = await trigger(orchestrator, 'site-audit', acts({ crawl: 'hold' }));
  await world.worked({ event: 'job', runId: held, stepId: 'crawl' });
  await trigger(orchestrator, 'site-audit', acts({}));
  return { audit, pages: fan, failed };
}

const ended = (url: string, id: string): Promise<unknown> =>
  until(
    async () => {
      const run = (await (await fetch(`${url}/runs/${id}`)).json()) as { finishedAt: string | null };
      return run.finishedAt !== null;
    },
    { deadlineMs: 30_000, what: `the end of run ${id}` },
  );

async function shoot(browser: Browser, url: string, shown: Record<string, string>): Promise<void> {
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport, colorScheme, timezoneId: 'Europe/Berlin' });
      for (const [name, path] of Object.entries(shown)) {
        // Dark is shown once: it is the same page in other colours.
        if (colorScheme === 'dark' && (width === 'phone' || name !== 'run')) continue;
        if (WANTED.length > 0 && !WANTED.includes(name)) continue;
        await open(page, url + path);
        const file = `${name}-${width}${colorScheme === 'dark' ? '-dark' : ''}.png`;
        await page.screenshot({ path: join(OUT, file), fullPage: width === 'phone' && name !== 'runs' });
        process.stdout.write(`wrote docs/screenshots/${file}\n`);
      }
      await page.close();
    }
  }
}

async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.locator('h1').waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}

async function main(): Promise<void> {
  const folder = await temporaryFolder();
  const postgres = await startEmbeddedPostgres({
    dataDir: join(folder.path, 'postgres'),
    log: () => undefined,
    durable: false,
  });
  const undo: Array<() => Promise<unknown>> = [folder.remove, () => postgres.stop()];
  try {
    const world = await startInstallation(postgres.url);
    undo.push(() => world.close());
    const { url } = await world.orchestrate({ env: { INBOX: 'on' } });
    const browser = await launchChromium();
    undo.push(() => browser.close());
    await mkdir(OUT, { recursive: true });
    const { audit, pages, failed } = await fill(world, url);
    const { release, paused } = await fillReleases(url, {
      prompt: 'Be kind.',
      work: async () => {
        const runs = Array.from({ length: 20 }, (_, i) =>
          trigger({ url }, 'markup', i % 7 === 3 ? acts({ job: 'error' }) : {}),
        );
        for (const id of await Promise.all(runs)) await ended(url, id);
      },
    });
    const run = (id: string) => `/app/runs/${id}`;
    const shown = {
      now: '/',
      runs: '/app/runs',
      run: run(audit),
      'fan-out': run(pages),
      failed: run(failed),
      workflows: '/app/workflows',
      workflow: '/app/workflows/newsletter',
      capsules: '/app/capsules',
      capsule: '/app/capsules/capsule-alpha',
      costs: '/app/costs',
      releases: '/app/releases',
      release: `/app/releases/${release}`,
      rollout: `/app/releases/${paused}`,
      inbox: '/app/inbox',
      deliveries: '/app/inbox?show=deliveries',
      switches: '/app/switches',
      audit: '/app/audit',
    };
    await shoot(browser, url, shown);
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
});
