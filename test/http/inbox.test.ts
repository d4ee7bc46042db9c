/** The inbox: every delivery with its verdicts, for those who may see them. */
import { randomUUID } from 'node:crypto';
import type { AgentRunRequest } from '../../src/contract';
import { ApiKeys } from '../../src/http/auth';
import { AGENT_SECRET, resultOf, webhookPath } from './support/api';
import { text } from './support/client';
import { START } from './support/clock';
import { KEY, TYPE, api, start, list, newest, whole, send, startJob, signed, RESULT } from './support/inbox';

describe('a bin', () => {
  beforeEach(() => start());

  it('takes a result and shows it with both verdicts, headers and body', async () => {
    const { status, body } = await send('/inbox/my-test', RESULT);
    expect(status).toBe(200);
    const { body: shown } = await api.call('GET', `/inbox/${text(body.id)}`);
    expect(shown).toMatchObject({
      id: body.id,
      bin: 'my-test',
      receivedAt: new Date(START).toISOString(),
      method: 'POST',
      path: '/inbox/my-test',
      verdict: 'ok',
      signature: { kind: 'absent' },
      shape: { kind: 'fits', differences: [] },
      answer: { status: 200 },
      runId: RESULT.runId,
      stepId: 'my-new-step',
      status: 'success',
      body: JSON.stringify(RESULT),
      bodyEncoding: 'utf8',
      bodyState: 'whole',
      replayable: false,
    });
    expect(shown.headers?.['content-type']).toBe('application/json');
  });

  it('says field by field how a body differs', async () => {
    await send('/inbox/my-test', { ...RESULT, status: 'done', durationMs: undefined, usage: [{}] });
    const { verdict, shape } = await newest();
    expect([verdict, shape?.kind]).toEqual(['misshapen', 'differs']);
    const found = shape?.differences as unknown as Array<{ field: string; saw: string; expected: string }>;
    expect(found.map((d) => d.field)).toEqual(
      expect.arrayContaining(['status', 'durationMs', 'usage.0.model']),
    );
    expect(found.find((d) => d.field === 'durationMs')).toEqual({
      field: 'durationMs',
      saw: 'missing',
      expected: 'number',
    });
  });

  it.each([
    ['text', 'hello', { 'content-type': 'text/plain' }, 'hello', 'utf8'],
    ['broken JSON', '{"a":', TYPE, '{"a":', 'utf8'],
    ['nothing', '', {}, '', 'utf8'],
    ['bytes', Buffer.from([0, 255, 1]), { 'content-type': 'image/png' }, 'AP8B', 'base64'],
  ])('takes %s', async (_what, raw, headers, shown, encoding) => {
    expect((await api.call('POST', '/inbox/any', { raw, headers })).status).toBe(200);
    const { body, bodyEncoding, verdict } = await whole();
    expect([body, bodyEncoding, verdict]).toEqual([shown, encoding, 'misshapen']);
  });

  it('checks signatures by the secret of the agent it is named after', async () => {
    const raw = JSON.stringify(RESULT);
    const post = (bin: string, key: string) =>
      api.call('POST', `/inbox/${bin}`, { raw, headers: { ...TYPE, ...signed(raw, key) } });
    await post('crawler', AGENT_SECRET);
    await post('crawler', 'another-secret-0123456789');
    await post('nobody', 'another-secret-0123456789');
    expect((await list()).map((d) => [d.bin, d.verdict, d.signature?.kind]).sort()).toEqual([
      ['crawler', 'bad-signature', 'invalid'],
      ['crawler', 'ok', 'valid'],
      ['nobody', 'ok', 'unchecked'],
    ]);
    const [forged] = await list('?verdict=bad-signature');
    expect(forged?.signature?.reason).toMatch(/another secret/);
  });

  it.each(['webhook', 'a b', 'x'.repeat(65), '%00'])('may not be called %j', async (bin) => {
    expect((await send(`/inbox/${encodeURI(bin)}`, RESULT)).status).toBe(400);
  });

  it('keeps only the beginning of a large body', async () => {
    await api.close();
    await start({ webhookMaxBytes: 4 * 1024 * 1024 });
    await send('/inbox/large', { ...RESULT, output: { text: 'x'.repeat(1024 * 1024) } });
    const { bodyState, bodyBytes, body, shape } = await whole();
    expect([bodyState, shape?.kind]).toEqual(['cut', 'fits']);
    expect(Number(bodyBytes)).toBeGreaterThan(1024 * 1024);
    expect(text(body)).toHaveLength(64 * 1024);
  });

  it('is slowed by the sender, not by others', async () => {
    await api.close();
    await start({ limits: { binsPerSecond: 1, binBurst: 2 } });
    const from = (address: string) => api.call('POST', '/inbox/a', { json: {}, from: address });
    const statuses = [await from('127.0.0.1'), await from('127.0.0.1'), await from('127.0.0.1')];
    expect(statuses.map((a) => a.status)).toEqual([200, 200, 429]);
    expect((await from('127.0.0.2')).status).toBe(200);
  });

  it('is cleared by itself, or with all others', async () => {
    await send('/inbox/a', RESULT);
    await send('/inbox/b', RESULT);
    expect((await api.call('DELETE', '/inbox?bin=a')).body).toEqual({ removed: 1 });
    expect((await list()).map((d) => d.bin)).toEqual(['b']);
    expect((await api.call('DELETE', '/inbox')).body).toEqual({ removed: 1 });
  });
});

describe('a delivery to /webhook', () => {
  let job: AgentRunRequest;
  beforeEach(async () => {
    await start();
    job = await startJob();
  });

  it('is recorded with its answer and without its token', async () => {
    await api.deliver(job);
    const token = new URL(job.config.webhookUrl).searchParams.get('token') ?? '-';
    expect(await newest()).toMatchObject({
      bin: 'webhook',
      path: '/webhook?token=«redacted»',
      verdict: 'ok',
      answer: { status: 200, text: 'settled' },
      runId: job.runId,
      replayable: true,
    });
    const { text: shown } = await api.call('GET', `/inbox/${text((await newest()).id)}`);
    expect(shown).not.toContain(token);
  });

  it('is recorded when it is refused, with the reason', async () => {
    const raw = JSON.stringify(resultOf(job));
    const path = webhookPath(job);
    await send(path, { ...resultOf(job), status: 'done' });
    await api.call('POST', path, { raw, headers: { ...TYPE, ...signed(raw, 'another-0123456789') } });
    await send('/webhook?token=a.b', resultOf(job));
    await api.call('POST', path, { raw: `"${'x'.repeat(64 * 1024)}"`, headers: TYPE });
    await api.call('POST', path, { raw, headers: { 'content-type': 'text/plain' } });
    const seen = (await list()).map((d) => [d.answer?.status, d.verdict, d.bodyState, d.replayable]);
    expect(seen).toHaveLength(5);
    expect(seen).toEqual(
      expect.arrayContaining([
        [400, 'misshapen', 'whole', false],
        [401, 'bad-signature', 'whole', false],
        [401, 'refused', 'unread', false],
        [413, 'refused', 'unread', false],
        [415, 'refused', 'unread', false],
      ]),
    );
    expect((await newest('?verdict=bad-signature')).answer?.text).toMatch(/^signature-invalid: /);
  });

  it('is not recorded when its sender is held off', async () => {
    await api.close();
    await start({ limits: { failuresPerSecond: 0.001, failureBurst: 1 } });
    const forged = () => send('/webhook?token=a.b', RESULT);
    expect([(await forged()).status, (await forged()).status]).toEqual([401, 429]);
    expect(await list()).toHaveLength(1);
  });

  it('shows a claim without its secret, right or wrong', async () => {
    const claim = (secret: string) => send('/webhook/claim', { agentId: 'crawler', bootId: 'b', secret });
    expect((await claim('wrong-canary-0123456789')).status).toBe(401);
    expect((await claim(AGENT_SECRET)).status).toBe(200);
    await api.call('POST', '/webhook/claim', {
      raw: `{"agentId": "crawler", "secret": "${AGENT_SECRET}`,
      headers: TYPE,
    });
    const shown = await Promise.all(
      (await list()).map((d) => api.call('GET', `/inbox/${text(d.id)}`).then((a) => a.text)),
    );
    expect(shown).toHaveLength(3);
    expect(shown.join('')).toContain('crawler');
    expect(shown.join('')).toContain(`the job of run ${job.runId}`);
    expect(shown.join('')).not.toContain('canary');
  });

  it('shows no credential, wherever it was sent', async () => {
    const token = new URL(job.config.webhookUrl).searchParams.get('token') ?? '-';
    await send(
      webhookPath(job),
      resultOf(job, { output: { url: job.config.webhookUrl, said: AGENT_SECRET, token } }),
      {
        authorization: `Bearer ${KEY}`,
        cookie: `session=${KEY}`,
        'x-api-key': KEY,
        referer: job.config.webhookUrl,
      },
    );
    await send(`/inbox/a?api_key=${KEY}&page=2`, { ...RESULT, error: AGENT_SECRET });
    const shown = await Promise.all(
      (await list()).map((d) => api.call('GET', `/inbox/${text(d.id)}`).then((a) => a.text)),
    );
    const all = shown.join('') + api.logged();
    expect(all).toContain('page=2');
    expect(all).not.toContain('canary');
    expect(all).not.toContain(token);
  });

  it('is seen in the figures', async () => {
    await api.deliver(job);
    await list();
    expect((await api.call('GET', '/metrics')).text).toContain(
      'reveille_inbox_deliveries_total{outcome="recorded"} 1',
    );
  });
});

describe('who may', () => {
  it('read: only holders of a key; send: anybody', async () => {
    await start({ auth: new ApiKeys([KEY]) });
    expect((await send('/inbox/a', RESULT)).status).toBe(200);
    for (const [method, path] of [
      ['GET', '/inbox'],
      ['DELETE', '/inbox'],
      ['GET', `/inbox/${randomUUID()}`],
      ['POST', `/inbox/${randomUUID()}/replay`],
    ] as const) {
      expect((await api.call(method, path)).status).toBe(401);
    }
    const { body } = await api.call('GET', '/inbox', { headers: { authorization: `Bearer ${KEY}` } });
    expect(body.items).toHaveLength(1);
  });

  it('where it is off: nobody, and every route says so', async () => {
    await start({ inbox: false });
    const job = await startJob();
    await api.deliver(job);
    for (const [method, path] of [
      ['GET', '/inbox'],
      ['DELETE', '/inbox'],
      ['POST', '/inbox/a'],
      ['GET', `/inbox/${randomUUID()}`],
      ['POST', `/inbox/${randomUUID()}/replay`],
    ] as const) {
      const { status, body } = await api.call(method, path);
      expect([path, status, body.code]).toEqual([path, 404, 'inbox-off']);
      expect(text(body.hint)).toContain('INBOX=on');
    }
    expect((await api.store.deliveries({}, 10)).items).toEqual([]);
    expect((await api.call('GET', '/metrics')).text).not.toContain('reveille_inbox');
  });
});

describe('the buffer', () => {
  it('does not hold up a webhook, and what does not fit is counted', async () => {
    await start({ inbox: { bufferCount: 1 } });
    const job = await startJob();
    expect((await send('/webhook?token=a.b', RESULT)).status).toBe(401);
    expect((await api.deliver(job)).body).toEqual({ status: 'settled' });
    expect(await list()).toHaveLength(1);
    expect((await api.call('GET', '/metrics')).text).toContain(
      'reveille_inbox_deliveries_total{outcome="dropped"} 1',
    );
    expect(api.logged()).toContain('the inbox is full');
  });

  it('tells who sends to a bin that there is no room', async () => {
    await start({ inbox: { bufferBytes: 10 } });
    const { status, headers } = await send('/inbox/a', RESULT);
    expect(status).toBe(503);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });
});
