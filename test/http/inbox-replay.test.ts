/** Deliveries sent once more. */
import { randomUUID } from 'node:crypto';
import type { AgentRunRequest } from '../../src/contract';
import { AGENT_SECRET, resultOf, webhookPath } from './support/api';
import { text } from './support/client';
import { TYPE, api, start, list, newest, send, startJob, signed } from './support/inbox';

describe('a replay', () => {
  let job: AgentRunRequest;
  beforeEach(async () => {
    await start();
    job = await startJob();
  });
  const replay = async (id?: string) =>
    api.call('POST', `/inbox/${id ?? text((await newest('?bin=webhook')).id)}/replay`);
  const stepOf = async () => (await api.call('GET', `/runs/${job.runId}`)).body.steps?.[0];

  it('of a result that was not taken settles the step, as the act of who replays it', async () => {
    api.outage.error = new Error('the store is away');
    expect((await api.deliver(job)).status).toBe(503);
    api.outage.error = undefined;
    expect((await newest()).answer?.status).toBe(503);
    const { status, body } = await replay();
    expect([status, body]).toEqual([
      200,
      { status: 'settled', runId: job.runId, stepId: 'crawl', attempt: 1 },
    ]);
    expect((await stepOf())?.output).toEqual({ from: 'crawl' });
    const entries = await api.store.ledger(0, 1_000);
    expect(entries.filter((e) => e.body.includes('"actor":"local"')).length).toBeGreaterThan(0);
  });

  it('of a result that counted stays a duplicate', async () => {
    await api.deliver(job);
    expect((await replay()).body.status).toBe('duplicate');
  });

  it('of a result that was late stays late', async () => {
    api.outage.error = new Error('the store is away');
    await api.deliver(job);
    api.outage.error = undefined;
    await api.call('POST', `/runs/${job.runId}/cancel`);
    expect((await replay()).body.status).toBe('late');
    expect((await api.call('GET', `/runs/${job.runId}`)).body.status).toBe('cancelled');
  });

  it('still works when the token has expired since', async () => {
    await api.deliver(job);
    await list();
    api.clock.advance(20 * 3_600_000);
    expect((await api.deliver(job)).body.code).toBe('callback-expired');
    const [, first] = await list();
    expect((await replay(text(first?.id))).body.status).toBe('duplicate');
  });

  it('is over when the delivery is a day old', async () => {
    await api.deliver(job);
    await list();
    api.clock.advance(86_400_001);
    await api.deliver(job);
    expect(await list()).toHaveLength(1);
  });

  it.each([
    ['without a valid token', () => send('/webhook?token=a.b', resultOf(job)), /before its body was read/],
    ['of a claim', () => send('/webhook/claim', { agentId: 'x', bootId: 'b', secret: 's' }), /a claim/],
    ['of no result', () => send(webhookPath(job), { status: 'done' }), /not a result/],
    [
      'of another attempt',
      () => send(webhookPath(job), resultOf(job, { attempt: 7 })),
      /another attempt than its token/,
    ],
    [
      'with a forged signature',
      () => {
        const raw = JSON.stringify(resultOf(job));
        return api.call('POST', webhookPath(job), {
          raw,
          headers: { ...TYPE, ...signed(raw, 'another-0123456') },
        });
      },
      /signature did not hold/,
    ],
    ['from a bin', () => send('/inbox/a', resultOf(job)), /a bin/],
    [
      'whose body held a secret',
      () => send(webhookPath(job), resultOf(job, { output: { AGENT_SECRET } })),
      /secret was taken out/,
    ],
  ])('%s is refused and changes nothing', async (what, deliver, why) => {
    await deliver();
    const before = await stepOf();
    const { status, body } = await replay(text((await newest()).id));
    expect([status, body.code]).toEqual([409, 'delivery-not-replayable']);
    expect(text(body.detail)).toMatch(why);
    expect(await stepOf()).toEqual(before);
    expect(what).not.toBe('');
  });

  it('of a delivery that is not there is a 404', async () => {
    const { status, body } = await replay(randomUUID());
    expect([status, body.code]).toEqual([404, 'delivery-not-found']);
  });
});
