/** The job alone, without HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { input, output, run } from '../dist/job.js';

const ctx = (given) => ({
  signal: new globalThis.AbortController().signal,
  runId: 'test',
  dryRun: false,
  log: () => undefined,
  progress: () => undefined,
  action: () => undefined,
  ...given,
});

for (const name of ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'LLM_MODE', 'LLM_PROVIDERS'])
  delete process.env[name];
const analyse = async (given) => output.parse(await run(input.parse(given), ctx()));

test('reports on a crawl', async () => {
  const url = 'https://example.com/';
  const { problemsByPage, recommendationsBy } = await analyse({ siteUrl: url, pages: [{ url }] });
  assert.equal(recommendationsBy, 'rules');
  assert.ok(problemsByPage[0].problems.some(({ rule }) => rule === 'title-missing'));
});

test('reports on rows of Search Console', async () => {
  const rows = [{ query: 'wanted', page: 'https://example.com/a', clicks: 3, impressions: 900, position: 8 }];
  const { topWin, siteUrl } = await analyse({ siteProperty: 'sc-domain:example.com', rows });
  assert.equal(siteUrl, 'https://example.com/');
  assert.deepEqual(topWin.pages, ['https://example.com/a']);
});

test('names the fields it needs', () => {
  assert.throws(() => input.parse({ siteUrl: 'https://example.com/' }), /pages/);
});
