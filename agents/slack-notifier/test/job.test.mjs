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

test('renders on a dry run what it would post', async () => {
  const given = output.parse(
    await run(input.parse({ title: 'Done', text: 'All is well' }), ctx({ dryRun: true })),
  );
  assert.equal(given.delivered, false);
  assert.equal(given.text, 'Done: All is well');
  assert.deepEqual(
    given.blocks.map(({ type }) => type),
    ['header', 'section'],
  );
});

test('names the variables that are missing', async () => {
  for (const name of ['SLACK_WEBHOOK_URL', 'SLACK_BOT_TOKEN']) delete process.env[name];
  await assert.rejects(
    run(input.parse({ text: 'Hello' }), ctx()),
    /SLACK_WEBHOOK_URL: is not set.*SLACK_BOT_TOKEN/,
  );
});

test('needs something to say', () => {
  assert.throws(() => input.parse({}), /nothing to post/);
});
