/** Webhooks of other services: who may start a workflow, once for each delivery, and what nobody is told. */
import { createHmac } from 'node:crypto';
import type { RegistryInput } from '../../src/registry';
import { REGISTRY, startApi, type Api } from './support/api';
import { text, type CallOptions } from './support/client';

const GITHUB_KEY = 'github-key-canary-0123456789';
const OLD_KEY = 'github-old-key-canary-0123456789';
const STANDARD_KEY = 'whsec_c3RhbmRhcmQtY2FuYXJ5LTAxMjM0NTY3ODk=';
const TOKEN = 'token-canary-0123456789abcdef';

const steps = [{ id: 'only', agent: 'writer' }];
const INPUT: RegistryInput = {
  agents: REGISTRY.agents,
  workflows: [
    {
      id: 'on-push',
      name: 'On push',
      steps,
      input: { depth: 2 },
      on: {
        webhook: {
          secret: 'GITHUB_SECRET',
          style: 'github',
          when: { path: 'headers.x-github-event', equals: 'push' },
          input: {
            repository: 'body.repository.full_name',
            first: 'body.commits.0.id',
            branch: { path: 'body.branch', default: 'main' },
            by: { value: 'push' },
            missing: 'body.no.such.place',
          },
        },
      },
    },
    {
      id: 'on-order',
      name: 'On order',
      steps,
      on: { webhook: { secret: 'ORDERS', style: 'standard-webhooks' } },
    },
    { id: 'on-token', name: 'On token', steps, on: { webhook: { secret: 'PLAIN', style: 'token' } } },
    { id: 'closed', name: 'Closed', steps },
  ],
};
const env = { GITHUB_SECRET: `${GITHUB_KEY}, ${OLD_KEY}`, ORDERS: STANDARD_KEY, PLAIN: TOKEN };

let api: Api;
beforeEach(async () => void (api = await startApi({ registry: { input: INPUT, env } })));
afterEach(() => api.close());

const PUSH = JSON.stringify({ repository: { full_name: 'acme/site' }, commits: [{ id: 'c0ffee' }] });

function github(body = PUSH, change: Record<string, string> = {}, key = GITHUB_KEY): CallOptions {
  const signature = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  const headers = { 'x-github-event': 'push', 'x-github-delivery': 'd-1', 'x-hub-signature-256': signature };
  return { raw: body, headers: { 'content-type': 'application/json', ...headers, ...change } };
}

function standard(body: string, id: string, at = api.clock.now()): CallOptions {
  const timestamp = String(Math.floor(at / 1_000));
  const key = Buffer.from(STANDARD_KEY.slice('whsec_'.length), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
  return { raw: body, headers: { 'content-type': 'application/json', ...headers } };
}

const send = (workflowId: string, options: CallOptions) => api.call('POST', `/hooks/${workflowId}`, options);
const runsOf = async (workflowId: string) => (await api.store.runs({ workflowId }, 50)).items;
const inputOf = async (runId: unknown) => (await api.store.payloads(text(runId)))?.input;

describe('a webhook of GitHub', () => {
  it('starts a run with the input that the mapping makes of it', async () => {
    const { status, body } = await send('on-push', github());
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'started' });
    const [run] = await runsOf('on-push');
    expect(run?.id).toBe(body.runId);
    expect(run?.trigger).toEqual({ kind: 'webhook', delivery: 'd-1' });
    const mapped = { repository: 'acme/site', first: 'c0ffee', branch: 'main', by: 'push' };
    expect(await inputOf(body.runId)).toEqual({ depth: 2, ...mapped });
    const seen = await api.call('GET', `/runs/${text(body.runId)}`);
    expect(seen.body.trigger).toEqual({ kind: 'webhook', delivery: 'd-1' });
  });

  it('starts one run for a delivery that comes again, also with other bytes', async () => {
    const first = await send('on-push', github());
    const again = await send('on-push', github());
    const changed = await send('on-push', github('{"other":true}'));
    for (const { body } of [again, changed]) {
      expect(body).toEqual({ status: 'repeated', runId: first.body.runId });
    }
    const other = await send('on-push', github(PUSH, { 'x-github-delivery': 'd-2' }));
    expect(other.body).toMatchObject({ status: 'started' });
    expect(await runsOf('on-push')).toHaveLength(2);
  });

  it('is taken with either key while a secret is replaced', async () => {
    expect((await send('on-push', github(PUSH, {}, OLD_KEY))).status).toBe(202);
  });

  it('starts nothing while the condition does not hold', async () => {
    const { status, body } = await send('on-push', github(PUSH, { 'x-github-event': 'ping' }));
    expect([status, body]).toEqual([202, { status: 'ignored', runId: null }]);
    expect(await runsOf('on-push')).toEqual([]);
  });
});

describe('a webhook that proves nothing', () => {
  const wrong: Array<[string, () => CallOptions, RegExp]> = [
    ['no signature', () => ({ raw: PUSH }), /X-Hub-Signature-256 is missing/],
    ['another key', () => github(PUSH, {}, 'x'.repeat(24)), /another secret/],
    ['changed bytes', () => ({ ...github(), raw: `${PUSH} ` }), /another secret, or over another body/],
    ['half a signature', () => github(PUSH, { 'x-hub-signature-256': 'sha256=00' }), /64 hexadecimal/],
    ['the old style', () => github(PUSH, { 'x-hub-signature-256': 'sha1=00' }), /64 hexadecimal/],
  ];

  it.each(wrong)(
    '%s: 401 that tells nothing, the reason in the log and the inbox',
    async (_name, make, why) => {
      const { status, body, text: answer } = await send('on-push', make());
      expect([status, body.code]).toEqual([401, 'hook-refused']);
      expect(body.detail).toBeUndefined();
      expect(answer).not.toMatch(why);
      expect(api.logged()).toMatch(why);
      if (api.inbox) await api.inbox.flush();
      const [delivery] = (await api.store.deliveries({ bin: 'hooks' }, 10)).items;
      expect(delivery).toMatchObject({
        verdict: 'bad-signature',
        answer: { status: 401, text: 'hook-refused' },
      });
      expect(JSON.stringify(delivery?.signature)).toMatch(why);
      expect(await runsOf('on-push')).toEqual([]);
    },
  );

  it('is refused for a while when it comes too often, and does not slow who can prove it', async () => {
    await api.close();
    const limits = { failuresPerSecond: 0.001, failureBurst: 2 };
    api = await startApi({ registry: { input: INPUT, env }, limits });
    const from = '127.0.0.9';
    const statuses: number[] = [];
    for (let n = 0; n < 4; n += 1) statuses.push((await send('on-push', { raw: PUSH, from })).status);
    expect(statuses).toEqual([401, 401, 429, 429]);
    expect((await send('on-push', github())).status).toBe(202);
  });

  it('is 404 where no workflow takes webhooks, before anything of it is read', async () => {
    for (const id of ['closed', 'nobody']) {
      const { status, body } = await send(id, { raw: 'x'.repeat(100_000) });
      expect([status, body.code]).toEqual([404, 'hook-not-found']);
    }
  });
});

describe('a webhook by Standard Webhooks', () => {
  it('starts a run with its whole body, once for each id', async () => {
    const options = standard('{"order":17}', 'msg-1');
    const { body } = await send('on-order', options);
    expect(await inputOf(body.runId)).toEqual({ order: 17 });
    expect((await send('on-order', options)).body).toEqual({ status: 'repeated', runId: body.runId });
  });

  it('is refused outside its window, and under another id', async () => {
    const old = standard('{}', 'msg-2', api.clock.now() - 301_000);
    const renamed = standard('{}', 'msg-3');
    const replayed = { ...renamed, headers: { ...renamed.headers, 'webhook-id': 'msg-4' } };
    for (const options of [old, replayed]) expect((await send('on-order', options)).status).toBe(401);
    expect(api.logged()).toMatch(/signed 301 s ago/);
    expect(await runsOf('on-order')).toEqual([]);
  });

  it('is refused when it is not JSON, or too large', async () => {
    expect((await send('on-order', standard('not json', 'msg-5'))).body.code).toBe('invalid-json');
    const large = JSON.stringify({ text: 'x'.repeat(70_000) });
    expect((await send('on-order', standard(large, 'msg-6'))).status).toBe(413);
  });

  it('is not acknowledged while the store is away, and starts one run when it comes again', async () => {
    const options = standard('[1]', 'msg-7');
    api.outage.error = Object.assign(new Error('no connection'), { code: 'ECONNREFUSED' });
    expect((await send('on-order', options)).status).toBe(503);
    api.outage.error = undefined;
    const { body } = await send('on-order', options);
    expect(body.status).toBe('started');
    expect(await inputOf(body.runId)).toEqual({ body: [1] });
  });
});

describe('a webhook with a token', () => {
  it.each([
    ['authorization', `Bearer ${TOKEN}`],
    ['x-webhook-token', TOKEN],
    ['x-gitlab-token', TOKEN],
  ])('takes it from %s', async (header, value) => {
    const headers = { [header]: value, 'content-type': 'application/json' };
    expect((await send('on-token', { raw: '{}', headers })).body.status).toBe('started');
    // Without an id nothing is taken for the same delivery.
    expect((await send('on-token', { raw: '{}', headers })).body.status).toBe('started');
    const refused = await send('on-token', { raw: '{}', headers: { ...headers, [header]: `${value}x` } });
    expect(refused.status).toBe(401);
  });

  it('knows a delivery again by its id', async () => {
    const headers = { 'x-webhook-token': TOKEN, 'x-delivery-id': 'x'.repeat(500) };
    const first = await send('on-token', { raw: '{}', headers });
    expect((await send('on-token', { raw: '{}', headers })).body.runId).toBe(first.body.runId);
  });
});

it('leaves no secret in the log, the inbox, the API or the ledger', async () => {
  await send('on-push', github());
  await send('on-token', {
    raw: JSON.stringify({ note: TOKEN }),
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  await send('on-token', { raw: '{}', headers: { 'x-gitlab-token': GITHUB_KEY } });
  if (api.inbox) await api.inbox.flush();
  const { items } = await api.store.deliveries({}, 10);
  expect(items).toHaveLength(3);
  const kept = await Promise.all(items.map(({ id }) => api.store.delivery(id)));
  const bodies = kept.map((d) => d?.body.toString('utf8'));
  const shown = await Promise.all(['/workflows', '/inbox', '/runs'].map((path) => api.call('GET', path)));
  const ledger = await api.store.ledger(0, 1_000);
  const all = JSON.stringify([kept, bodies, shown.map((s) => s.text), ledger]) + api.logged();
  for (const secret of [GITHUB_KEY, OLD_KEY, STANDARD_KEY, TOKEN]) expect(all).not.toContain(secret);
});
