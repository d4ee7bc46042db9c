/** Every screen: for everybody, in both themes, at phone width, and honest about failures. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import type { Orchestrator } from '../../src/compose';
import { acts, ended, stepIs, trigger } from '../e2e/support/runs';
import type { World } from '../e2e/support/world';
import { MARKUP, PROPOSAL, startInstallation } from './support/installation';
import { settled, useChromium, violations } from './support/page';
import { fillReleases } from './support/releases';

const KEY = 'a-key-of-the-browser-tests-0123456789';
/** Axe looks at some thirty pages twice; a busy machine is slow at it. */
const AXE_DEADLINE_MS = 300_000;
const MAX_SCRIPT_BYTES = 100 * 1024;
const BUILT = join(__dirname, '../../dist/dashboard/assets');

/** Where a button opens one. */
const DIALOGS = [
  ['/app/runs', 'Keys'],
  ['/app/runs', 'Commands'],
  ['/app/runs', 'Replay what fits…'],
  ['/app/switches', 'Stop everything…'],
  ['/app/workflows', 'Run now…'],
  ['/app/costs', 'Raise…'],
  ['/app/releases', 'Roll back…'],
] as const;
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

/** Everything that a screen reads. */
const FAILING =
  /\/(runs|alerts|approvals|capsules|workflows|inbox|switches|audit|shifts|costs|budgets|caps|releases|rollouts|environments)(\?|\/|$)/;

/** Every screen of dashboard/src/screens. */
const SCREENS = [
  ...['/', '/app/runs', '/app/runs?status=failed'],
  ...['/app/inbox', '/app/inbox?show=deliveries', '/app/switches', '/app/audit'],
  ...['/app/workflows', '/app/workflows/site-audit', '/app/capsules', '/app/capsules/capsule-alpha'],
  ...['/app/costs', '/app/costs?by=agent'],
  ...['/app/releases', '/app/releases?agent=gamma'],
];

const browsing = useChromium();
let world: World;
let orchestrator: Orchestrator;
let paths: string[];

beforeAll(async () => {
  world = await startInstallation();
  orchestrator = await world.orchestrate({ env: { INBOX: 'on' } });
  const failed = await trigger(orchestrator, 'markup', acts({ job: 'error' }));
  const fan = await trigger(orchestrator, 'pages', { pages: ['/1', '/2', '/3'] });
  const waits = await trigger(orchestrator, 'newsletter');
  await Promise.all([ended(orchestrator, failed), ended(orchestrator, fan)]);
  await stepIs(orchestrator, waits, 'word', 'parked');
  const running = await trigger(orchestrator, 'site-audit', acts({ crawl: 'hold' }));
  await stepIs(orchestrator, running, 'crawl', 'running');
  const asks = await trigger(orchestrator, 'announce', PROPOSAL);
  await stepIs(orchestrator, asks, 'post', 'parked');
  const runs = [failed, fan, waits, running].map((id) => `/app/runs/${id}`);
  const shown = Object.values(await fillReleases(orchestrator.url)).map((id) => `/app/releases/${id}`);
  paths = [...SCREENS, ...runs, ...shown, await aDelivery(), '/app/nothing'];
});
afterAll(() => world.close());

async function aDelivery(): Promise<string> {
  const listed = await fetch(`${orchestrator.url}/inbox?verdict=ok&limit=1`);
  const { items } = (await listed.json()) as { items: Array<{ id: string }> };
  return `/app/inbox/${items[0]?.id}`;
}

const focused = (page: Page): Promise<string> => page.evaluate<string>('document.activeElement.type ?? ""');

/** On the page that is open: light, dark, and a phone's width. */
async function expectUsable(page: Page, what: string): Promise<void> {
  expect([what, await violations(page)]).toEqual([what, []]);
  await page.emulateMedia({ colorScheme: 'dark' });
  expect([what, 'dark', await violations(page, 'colours')]).toEqual([what, 'dark', []]);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(PHONE);
  const width = await page.evaluate('document.documentElement.scrollWidth');
  expect([what, width]).toEqual([what, PHONE.width]);
  await page.setViewportSize(DESK);
}

test(
  'is for everybody: nothing that axe finds wrong in either theme, and no wider than a phone',
  async () => {
    const { page } = await browsing.open(orchestrator.url, { viewport: DESK });
    for (const path of paths) {
      await page.goto(orchestrator.url + path);
      await settled(page);
      await expectUsable(page, path);
    }
    for (const [path, button] of DIALOGS) {
      await page.goto(orchestrator.url + path);
      await settled(page);
      await page.getByRole('button', { name: button }).first().click();
      await page.locator('dialog[open]').waitFor();
      await expectUsable(page, button);
    }
  },
  AXE_DEADLINE_MS,
);

test('goes by the keyboard', async () => {
  const { page } = await browsing.open(orchestrator.url);
  await settled(page);
  await page.keyboard.press('g');
  await page.keyboard.press('r');
  await page.waitForURL(/\/app\/runs$/);
  await page.locator('.run-row').first().waitFor();
  await page.keyboard.press('/');
  expect(await focused(page)).toBe('search');
  await page.keyboard.type('went wrong');
  await page.waitForURL(/text=went(\+|%20)wrong$/);
  await page.locator('.run-row:only-child').waitFor();
  await page.locator('h1').click(); // away from the field
  await page.keyboard.press('j');
  await page.locator('.run-row.at').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('h1 .badge', { hasText: 'failed' }).waitFor();
});

test('keeps filters under a name, in this browser', async () => {
  const name = MARKUP.slice(0, 40);
  const { page } = await browsing.open(`${orchestrator.url}/app/runs?status=failed&workflowId=markup`);
  await settled(page);
  await page.getByRole('button', { name: 'Save view…' }).click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.goto(`${orchestrator.url}/app/runs`);
  await page.getByRole('link', { name: name }).click();
  await page.waitForURL(/status=failed/);
  await page.locator('.run-row:only-child').waitFor();
  await page.getByRole('button', { name: `Remove the view ${name}` }).click();
  await page.getByRole('link', { name: name }).waitFor({ state: 'detached' });
});

test('never shows a query that failed as an empty list', async () => {
  const { page } = await browsing.open(`${orchestrator.url}/app/nothing`);
  await settled(page);
  await page.route(FAILING, (route) =>
    route.request().resourceType() === 'document'
      ? route.continue()
      : route.fulfill({
          status: 503,
          contentType: 'application/problem+json',
          body: JSON.stringify({
            title: 'The store does not answer.',
            code: 'unavailable',
            hint: 'Try again.',
          }),
        }),
  );
  for (const path of SCREENS) {
    await page.goto(orchestrator.url + path);
    await page.getByText('The store does not answer.').first().waitFor();
    await settled(page);
    // Nor as a count of zero.
    expect([path, await page.locator('.empty, h2 .count').allTextContents()]).toEqual([path, []]);
  }
});

test('asks for a key where one is configured, and lets in with it alone', async () => {
  const locked = await world.orchestrate({ env: { API_KEYS: KEY, HOST: '127.0.0.1', ROLE: 'web' } });
  const { page } = await browsing.open(`${locked.url}/app/runs?status=failed`);
  const field = page.getByLabel('API key');
  await field.waitFor();
  expect(await violations(page)).toEqual([]);
  await field.fill('a-wrong-key');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('The login did not succeed').waitFor();
  await field.fill(KEY);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('.run-row').first().waitFor();
  expect(await page.context().cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }]);
  // A change takes the CSRF token: the replay's preview is a POST.
  await page.getByRole('button', { name: 'Replay what fits…' }).click();
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByText(/\d+ would be started again/).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Log out' }).click();
  await field.waitFor();
  await world.stop(locked);
});

test('is small, and is served so that it need not be loaded twice', async () => {
  const scripts = readdirSync(BUILT).filter((name) => name.endsWith('.js'));
  const bytes = scripts.map((name) => gzipSync(readFileSync(join(BUILT, name))).length);
  expect(scripts.length).toBeGreaterThan(0);
  expect(bytes.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(MAX_SCRIPT_BYTES);
  const asset = await fetch(`${orchestrator.url}/assets/${scripts[0]}`);
  expect([asset.status, asset.headers.get('cache-control')]).toEqual([
    200,
    'public, max-age=31536000, immutable',
  ]);
  const page = await fetch(orchestrator.url, { headers: { accept: 'text/html' } });
  const text = await page.text();
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
  expect(page.headers.get('content-security-policy')).not.toContain('unsafe');
  expect(text).not.toMatch(/<script>|<style|\son\w+=|https?:/);
  for (const path of ['/assets/..%2findex.html', '/assets/nothing.js']) {
    expect([path, (await fetch(orchestrator.url + path)).status]).toEqual([path, 404]);
  }
});
