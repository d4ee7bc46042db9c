import { input, run } from '../../agents/_template/src/jobs/hello';
import { testContext } from './context';

test('greets as often as asked', async () => {
  expect(await run(input.parse({ name: 'Ada', times: 2 }), testContext())).toEqual({
    greetings: ['Hello, Ada!', 'Hello, Ada!'],
  });
});

test('tolerates the outputs of earlier steps in its input', () => {
  expect(input.parse({ pages: [], steps: { crawl: { pages: [] } } })).toEqual({
    name: 'world',
    times: 1,
    pauseMs: 0,
  });
});

test('stops at once when told to', async () => {
  const ctx = testContext();
  const running = run(input.parse({ pauseMs: 60_000 }), ctx);
  ctx.stop.abort();
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
});
