/** What people do with runs in the dashboard, against a live orchestrator with agents that are real processes. */
import type { Page } from 'playwright-core';
import type { Orchestrator } from '../../src/compose';
import { acts, capsuleIs, ended, post, stepIs, succeeded, trigger } from '../e2e/support/runs';
import { capsuleIdOf, type World } from '../e2e/support/world';
import { until } from '../support/until';
import { MARKUP, startInstallation } from './support/installation';
import { settled, useChromium } from './support/page';

const browsing = useChromium();
let world: World;
let orchestrator: Orchestrator;

beforeAll(async () => {
  world = await startInstallation();
  orchestrator = await world.orchestrate();
});
afterAll(() => world.close());

const openRun = async (id: string): Promise<Page> => {
  const { page } = await browsing.open(`${orchestrator.url}/app/runs/${id}`);
  await settled(page);
  return page;
};
const heading = (page: Page, status: string) => page.locator('h1 .badge', { hasText: status }).waitFor();
const idOf = (page: Page): string => new URL(page.url()).pathname.split('/').at(-1) ?? '';

test('starts a run from the palette and watches it to its end without a reload', async () => {
  const { page } = await browsing.open(orchestrator.url);
  await settled(page);
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Command or search' }).fill('start site');
  await page.getByRole('option', { name: 'Start Site audit' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/app\/runs\/[0-9a-f-]{36}/);
  await heading(page, 'succeeded');
  await succeeded(orchestrator, idOf(page));
  const lanes = page.locator('.lane');
  expect(await lanes.count()).toBeGreaterThanOrEqual(4);
  expect(await page.getByRole('img', { name: /^crawl: .*boot/ }).count()).toBe(1);
});

test('pauses a workflow and turns it on again from the palette, after a word why', async () => {
  const { page } = await browsing.open(orchestrator.url);
  await settled(page);
  const choose = async (text: string, option: RegExp) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Command or search' }).fill(text);
    await page.getByRole('option', { name: option }).first().waitFor();
    await page.keyboard.press('Enter');
  };
  await choose('pause site', /^Pause Site audit$/);
  await page.getByLabel('Why, for everybody who finds it held').fill('not on a Friday');
  await page.keyboard.press('Enter');
  await page.getByText('Site audit is paused.').waitFor();
  const off = async () => (await orchestrator.store.switches({ on: true }, 10)).items;
  expect((await off()).map(({ subject, message }) => [subject, message])).toEqual([
    ['site-audit', 'not on a Friday'],
  ]);
  await choose('turn on again', /^Turn workflow site-audit on again \(not on a Friday\)$/);
  await page.getByText('workflow site-audit is on again.').waitFor();
  expect(await off()).toEqual([]);
});

test('wakes a capsule by hand and puts it to sleep, and shows how it boots', async () => {
  const { page } = await browsing.open(`${orchestrator.url}/app/capsules/capsule-alpha`);
  await page.getByRole('button', { name: 'Wake', exact: true }).click();
  await capsuleIs(orchestrator, 'alpha', 'awake');
  await page.getByText(/awake for woken by hand \(in the dashboard\)/).waitFor();
  await page.getByText(/^Replicas: 1 wanted/).waitFor();
  await page.getByRole('button', { name: 'Sleep now' }).click();
  await capsuleIs(orchestrator, 'alpha', 'asleep');
  await page.getByRole('button', { name: 'Wake', exact: true }).waitFor();
  await page
    .getByText(/of the last \d+ boots?/)
    .first()
    .waitFor();
});

test('runs a workflow now with an input, and shows where its time and money went', async () => {
  const { page } = await browsing.open(`${orchestrator.url}/app/workflows`);
  await settled(page);
  await page.locator('[data-workflow="pages"]').getByRole('button', { name: 'Run now…' }).click();
  const input = page.getByLabel('Input, merged over');
  await input.fill('[]');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByText('The input is not a JSON object.').waitFor();
  await input.fill(JSON.stringify({ pages: ['/a', '/b'] }));
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await heading(page, 'succeeded');
  await page.goto(`${orchestrator.url}/app/workflows`);
  await page.locator('[data-workflow="pages"] .outcome').first().waitFor();
  await page.goto(`${orchestrator.url}/app/capsules/capsule-alpha`);
  await page.getByRole('img', { name: /^\d+ shifts? within/ }).waitFor();
  await page.getByRole('list', { name: 'Boots by how long they took' }).waitFor();
});

test('raises a budget', async () => {
  const { page } = await browsing.open(`${orchestrator.url}/app/costs`);
  const card = page.locator('[data-budget="agent:alpha:day"]');
  await card.getByText(/of \$2\.00/).waitFor();
  await card.getByRole('button', { name: 'Raise…' }).click();
  await page.getByLabel('By how much').fill('1.5');
  await page.getByRole('button', { name: 'Raise', exact: true }).click();
  await card.getByText(/of \$3\.50/).waitFor();
});

test('cancels a run that is under way', async () => {
  const id = await trigger(orchestrator, 'site-audit', acts({ crawl: 'hold' }));
  await stepIs(orchestrator, id, 'crawl', 'running');
  const page = await openRun(id);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await heading(page, 'cancelled');
  expect((await ended(orchestrator, id)).error?.message).toBe('cancelled in the dashboard');
});

test('starts a failed run again from its step with edited input, and compares the two', async () => {
  const id = await trigger(orchestrator, 'markup', { ...acts({ job: 'error' }), note: 'old' });
  await ended(orchestrator, id);
  const page = await openRun(id);
  await page.getByRole('button', { name: 'Rerun…' }).click();
  const input = page.getByLabel('Input, merged over the old one');
  await input.fill('{ not JSON');
  await page.getByRole('button', { name: 'Rerun', exact: true }).click();
  await page.getByText('The input is not a JSON object.').waitFor();
  await input.fill(JSON.stringify({ act: { job: 'succeed' }, note: 'edited' }));
  await page.getByRole('button', { name: 'Rerun', exact: true }).click();
  await page.waitForURL((url) => !url.pathname.endsWith(id));
  await heading(page, 'succeeded');
  const again = idOf(page);
  expect((await orchestrator.store.payloads(again))?.input).toMatchObject({ note: 'edited' });
  await page.getByRole('button', { name: 'Compare…' }).click();
  await page.getByText('only in this run').waitFor();
  await page.keyboard.press('Escape');
  const log = page.getByRole('region', { name: 'Log' });
  await log.getByRole('row', { name: 'job running the agent has the job' }).waitFor();
  await log.getByRole('row', { name: 'run succeeded' }).waitFor();
});

test('starts a run again from the step that is looked at', async () => {
  const id = await trigger(orchestrator, 'site-audit');
  await ended(orchestrator, id);
  const page = await openRun(id);
  await page.getByRole('button', { name: 'keywords', exact: true }).click();
  await page.getByRole('button', { name: 'Rerun from here…' }).click();
  expect(await page.getByLabel('From step').inputValue()).toBe('keywords');
  await page.getByRole('button', { name: 'Rerun', exact: true }).click();
  await page.waitForURL((url) => !url.pathname.endsWith(id));
  await heading(page, 'succeeded');
  const { steps } = (await orchestrator.store.run(idOf(page)))?.state ?? {};
  const reused = steps?.filter(({ reusedFrom }) => reusedFrom === id).map((step) => step.id);
  expect(reused).toEqual(['crawl', 'analyse']);
});

test('lets a stuck run go on with the button beside its reason', async () => {
  const off = { scope: 'agent', subject: 'gamma', message: 'too loud' };
  await post(`${orchestrator.url}/switches`, off, 200);
  const id = await trigger(orchestrator, 'markup');
  await stepIs(orchestrator, id, 'job', 'waiting');
  const { page } = await browsing.open(orchestrator.url);
  const why = page.locator('.why', { hasText: 'agent gamma is switched off' });
  await why.getByRole('button', { name: 'Turn on again' }).click();
  await page.getByText('It is on again.').waitFor();
  await succeeded(orchestrator, id);
});

test('decides an approval on the first screen', async () => {
  const id = await trigger(orchestrator, 'newsletter');
  await stepIs(orchestrator, id, 'word', 'parked');
  const { page } = await browsing.open(orchestrator.url);
  await page.getByRole('button', { name: 'Approve' }).first().click();
  await page.getByText('Approved.').waitFor();
  await succeeded(orchestrator, id);
});

test('cancels many at once, and shows before what a replay would do', async () => {
  const ids = [
    await trigger(orchestrator, 'site-audit', acts({ crawl: 'hold' })),
    await trigger(orchestrator, 'site-audit', acts({ crawl: 'hold' })),
  ];
  const { page } = await browsing.open(`${orchestrator.url}/app/runs?status=running`);
  for (const id of ids) await page.locator(`[data-run="${id}"] input`).check();
  await page.getByRole('button', { name: 'Cancel 2' }).click();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  for (const id of ids) expect((await ended(orchestrator, id)).status).toBe('cancelled');
  await page.getByRole('button', { name: /cancelled \d/ }).click();
  await page.locator(`[data-run="${ids[0]}"]`).waitFor();
  expect(page.url()).toContain('status=cancelled');
  await page.getByRole('button', { name: 'Replay what fits…' }).click();
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByText(/\d+ would be started again/).waitFor();
});

test('takes names, errors, inputs and outputs for text, whatever is in them', async () => {
  const input = { ...acts({ job: 'error' }), [MARKUP]: MARKUP };
  const id = await trigger(orchestrator, 'markup', input);
  await ended(orchestrator, id);
  const page = await openRun(id);
  await page.locator('dt', { hasText: MARKUP }).waitFor();
  await page.goto(`${orchestrator.url}/app/runs?text=${encodeURIComponent(MARKUP)}&workflowId=${MARKUP}`);
  await settled(page);
  await page.goto(`${orchestrator.url}/app/runs/${encodeURIComponent(MARKUP)}`);
  await page.getByRole('alert').waitFor();
  await page.goto(orchestrator.url);
  await page.locator('.tile', { hasText: MARKUP }).waitFor();
  expect(await page.evaluate('window.pwned')).toBeUndefined();
  expect(await page.locator('img, main script').count()).toBe(0);
});

test('says that it is stale when the orchestrator is gone, and goes on by itself when it is back', async () => {
  const port = new URL(orchestrator.url).port;
  const id = await trigger(orchestrator, 'site-audit', acts({ crawl: 'hold' }));
  await stepIs(orchestrator, id, 'crawl', 'running');
  const page = await openRun(id);
  await heading(page, 'running');
  await world.stop(orchestrator);
  await page.getByText(/Stale since/).waitFor();
  orchestrator = await world.orchestrate({ env: { PORT: port } });
  await page.getByText(/Stale since/).waitFor({ state: 'detached' });
  await world.release('alpha', id, 'crawl');
  await heading(page, 'succeeded');
});

test('says that a capsule is awake without a reason, and puts it to sleep at once', async () => {
  await world.stop(orchestrator);
  // Nobody sweeps: it would be asleep before anybody could look.
  orchestrator = await world.orchestrate({ limits: { sweepMs: 600_000 } });
  const herald = capsuleIdOf('herald');
  await world.driver.scale(herald, 1);
  await orchestrator.store.noteObserved(herald, 1, Date.now());
  const { page } = await browsing.open(`${orchestrator.url}/app/runs`);
  // A minute later, by the clock of the browser.
  await page.addInitScript('{ const now = Date.now.bind(Date); Date.now = () => now() + 60_000; }');
  await page.goto(orchestrator.url);
  const banner = page.getByRole('alert').filter({ hasText: 'herald is awake without a reason' });
  await banner.getByRole('button', { name: 'Sleep now' }).click();
  await page.getByText('herald is put to sleep.').waitFor();
  await until(async () => (await world.replicas()).herald === 0, { what: 'the herald asleep' });
  await banner.waitFor({ state: 'detached' });
});
