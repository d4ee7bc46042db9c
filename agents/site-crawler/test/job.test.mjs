/** The job alone, without HTTP. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
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

test('reads a page', async () => {
  const site = createServer((request, response) => {
    response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' });
    response.end('<title>Small</title><p>One page.');
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  try {
    const siteUrl = `http://127.0.0.1:${site.address().port}/`;
    const { pages } = output.parse(await run(input.parse({ siteUrl }), ctx()));
    assert.deepEqual(
      pages.map(({ url, title }) => [url, title]),
      [[siteUrl, 'Small']],
    );
  } finally {
    site.closeAllConnections();
    site.close();
  }
});

test('names the field that does not fit', () => {
  assert.throws(() => input.parse({ siteUrl: 'nowhere' }), /siteUrl/);
});
