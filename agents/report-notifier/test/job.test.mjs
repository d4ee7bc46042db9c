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

const REPORT = { siteUrl: 'https://example.com/', summary: 'All is well.', score: 90 };

test('delivers nothing on a dry run', async () => {
  const given = output.parse(await run(input.parse(REPORT), ctx({ dryRun: true })));
  assert.deepEqual(given, { delivered: 'nothing' });
});

test('names the field that does not fit', () => {
  assert.throws(() => input.parse({ ...REPORT, score: 'good' }), /score/);
});
