/** A slice of `npm run fuzz`, and that what it looks for would be seen. */
import fc from 'fast-check';
import { ROUTES } from '../../src/http/routes';
import { text } from '../http/support/client';
import { campaign } from './campaign';
import { neverReached } from './report';
import { requestsFor } from './requests';
import { Scene } from './scene';
import { snapshot } from './snapshot';
import { resultText, startWorld } from './world';

it('answers 2,000 requests of strangers and members without a fault, a leak or a change by a stranger', async () => {
  const report = await campaign({ requests: 2_000, seed: 20_260_302, perRound: 1_000 });
  expect(report.violations).toEqual([]);
  expect(report).toMatchObject({ requests: 2_000, rounds: 2 });
  // It is no proof if nobody ever gets through.
  expect(ROUTES.length - neverReached(report).length).toBeGreaterThan(60);
  expect(Object.keys(report.calls).length).toBeGreaterThan(5);
  expect((report.byStatus[201] ?? 0) + (report.byStatus[202] ?? 0)).toBeGreaterThan(0);
  for (const status of [200, 400, 401, 403, 404, 405, 415])
    expect([status, report.byStatus[status]]).toEqual([status, expect.any(Number)]);
});

it('makes requests for every route', () => {
  const requests = fc.sample(requestsFor(ROUTES, new Scene()), { numRuns: 4_000, seed: 7 });
  const made = new Set(requests.map(({ operationId }) => operationId));
  expect(ROUTES.map(({ operationId }) => operationId).filter((id) => !made.has(id))).toEqual([]);
});

describe('what is kept', () => {
  it('looks different after a run was started', async () => {
    const { api } = await startWorld(new Scene());
    const before = await snapshot(api);
    await api.engine.trigger('single', {}, { actor: 'test' });
    expect(await snapshot(api)).not.toBe(before);
    await api.close();
  });

  it.each(['done', 'open'] as const)(
    'stays as it is when the token of the %s job is used for another',
    async (kind) => {
      const world = await startWorld(new Scene());
      const { api, done } = world;
      const [open] = world.open;
      if (!open) throw new Error('nobody is at work');
      const [mine, other] = kind === 'done' ? [done, open] : [open, done];
      const before = await snapshot(api);
      const path = new URL(mine.config.webhookUrl).search;
      const headers = { 'content-type': 'application/json' };
      const raw = resultText(other, { stolen: true });
      const answer = await api.call('POST', `/webhook${path}`, { headers, raw });
      expect([answer.status, answer.body.code]).toEqual([401, 'callback-mismatch']);
      expect(await snapshot(api)).toBe(before);
      await api.close();
    },
  );

  it('stays as it is when a result is replayed with another output, a hundred times at once', async () => {
    const { api, done } = await startWorld(new Scene());
    const before = await snapshot(api);
    const path = `/webhook${new URL(done.config.webhookUrl).search}`;
    const headers = { 'content-type': 'application/json' };
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        api.call('POST', path, { headers, raw: resultText(done, { n }) }),
      ),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${text(body.status)}`))).toEqual(
      new Set(['200 duplicate']),
    );
    expect(await snapshot(api)).toBe(before);
    await api.close();
  });
});
