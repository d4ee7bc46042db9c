/** The job alone, without HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { input, output, run } from '../dist/job.js';

const ctx = () => ({
  signal: new globalThis.AbortController().signal,
  dryRun: false,
  log: () => undefined,
  progress: () => undefined,
  tool: async (_name, _params, use) => use(),
});

test('greets as often as asked', async () => {
  const given = await run(input.parse({ name: 'Ada', times: 2 }), ctx());
  assert.deepEqual(output.parse(given), { greetings: ['Hello, Ada!', 'Hello, Ada!'] });
});

test('names the field that does not fit', () => {
  assert.throws(() => input.parse({ times: 'often' }), /times/);
});
