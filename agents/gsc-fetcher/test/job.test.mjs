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

test('names the variable that is missing', async () => {
  delete process.env.GOOGLE_SERVICE_ACCOUNT_JSON;
  await assert.rejects(run(input.parse({}), ctx()), /^Error: GOOGLE_SERVICE_ACCOUNT_JSON: is not set/);
});

test('names the field that does not fit', () => {
  assert.throws(() => input.parse({ startDate: 'yesterday' }), /startDate/);
});

test('returns rows under the names of their dimensions', () => {
  const figures = { clicks: 1, impressions: 10, ctr: 0.1, position: 4 };
  const given = { siteProperty: 'sc-domain:example.com', startDate: '2026-01-01', endDate: '2026-01-28' };
  const rows = [{ keys: ['a'], query: 'a', ...figures }];
  const rest = { dimensions: ['query'], searchType: 'web', rowCount: 1, truncated: [], totals: figures };
  assert.deepEqual(output.parse({ ...given, ...rest, rows }), { ...given, ...rest, rows });
});
