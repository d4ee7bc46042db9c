/** API keys over their life, over real HTTP: made, used, rotated, revoked; and never shown again. */
import { ApiKeys } from '../../src/http/auth';
import { Fresh } from '../../src/http/auth-fresh';
import { keyIdOf } from '../../src/http/auth-key';
import type { LedgerEntry } from '../../src/domain/ledger';
import { startApi, type Api } from './support/api';
import { text, type Answer } from './support/client';
import { ManualClock } from './support/clock';

const ROOT = 'root-key-canary-5a0f5c1e';
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
const root = { headers: bearer(ROOT) };

let api: Api;
beforeEach(async () => {
  api = await startApi({ auth: new ApiKeys([ROOT]) });
});
afterEach(() => api.close());

interface Made {
  id: string;
  secret: string;
}
const madeBy = ({ body }: Answer): Made => ({ id: text(body['key']?.['id']), secret: text(body['secret']) });
const create = (json: object = {}) =>
  api.call('POST', '/keys', { ...root, json: { name: 'ci', scopes: ['viewer'], ...json } });
const make = async (json?: object) => madeBy(await create(json));
const statusWith = async (key: string) => (await api.call('GET', '/whoami', { headers: bearer(key) })).status;
const entries = async () =>
  (await api.store.ledger(0, 100)).map(({ body }) => JSON.parse(body) as LedgerEntry);

it('is made with what was asked for, and shown once', async () => {
  const expiresAt = new Date(api.clock.now() + 60_000).toISOString();
  const answer = await create({ owner: 'anna@example.com', scopes: ['approver', 'viewer'], expiresAt });
  const { id, secret } = madeBy(answer);
  expect(answer.status).toBe(201);
  expect(keyIdOf(secret)).toBe(id);
  expect(answer.body['key']).toMatchObject({
    ...{ name: 'ci', owner: 'anna@example.com', scopes: ['viewer', 'approver'], status: 'active' },
    ...{ expiresAt, lastUsedAt: null, revokedAt: null },
  });
  const who = await api.call('GET', '/whoami', { headers: bearer(secret) });
  expect(who.body).toEqual({
    ...{ id: `key:${id}`, owner: 'anna@example.com', scopes: ['viewer', 'approver'], expiresAt },
  });
  api.clock.advance(60_000);
  expect(await statusWith(secret)).toBe(401);
});

it('never shows a secret or a hash again, in an answer, the ledger, the log or the store', async () => {
  const { id, secret } = await make();
  await api.call('POST', `/keys/${id}/rotate`, root);
  await statusWith(secret);
  await statusWith(`${secret}x`);
  const list = await api.call('GET', '/keys', root);
  const kept = JSON.stringify(await api.store.key(id));
  const seen = [list.text, JSON.stringify(await entries()), api.logged(), kept].join('\n');
  expect(seen).toContain(id);
  expect(seen).not.toContain(secret.slice(-43));
  expect(list.text).not.toMatch(/hash/i);
});

it('is the owner of the one who makes it, unless it says whose', async () => {
  const { secret } = await make({ scopes: ['admin'], owner: 'anna' });
  const answer = await api.call('POST', '/keys', {
    headers: bearer(secret),
    json: { name: 'second', scopes: ['viewer'] },
  });
  expect(answer.body['key']?.['owner']).toBe('anna');
});

it('is made once for one Idempotency-Key, which shows no secret twice', async () => {
  const headers = { ...bearer(ROOT), 'Idempotency-Key': 'once' };
  const json = { name: 'ci', scopes: ['viewer'] };
  const first = await api.call('POST', '/keys', { headers, json });
  const again = await api.call('POST', '/keys', { headers, json });
  expect([first.status, again.status, again.body['secret']]).toEqual([201, 200, null]);
  expect(again.body['key']?.['id']).toBe(first.body['key']?.['id']);
  const other = await api.call('POST', '/keys', { headers, json: { ...json, name: 'other' } });
  expect([other.status, other.body.code]).toEqual([409, 'idempotency-key-reused']);
});

it.each([
  [{ scopes: [] }],
  [{ scopes: ['root'] }],
  [{ name: '' }],
  [{ expiresAt: '2020-01-01T00:00:00Z' }],
  [{ secret: 'mine' }],
])('is not made from %j', async (json) => {
  expect((await create(json)).status).toBe(400);
  expect((await api.store.keys(1)).items).toEqual([]);
});

it('opens with both secrets while a rotation lasts, then with the new one alone', async () => {
  const { id, secret } = await make();
  expect(await statusWith(secret)).toBe(200);
  const rotated = await api.call('POST', `/keys/${id}/rotate`, { ...root, json: { graceSeconds: 60 } });
  const next = madeBy(rotated);
  expect(next.id).toBe(id);
  expect([await statusWith(secret), await statusWith(next.secret)]).toEqual([200, 200]);
  api.clock.advance(60_000);
  expect([await statusWith(secret), await statusWith(next.secret)]).toEqual([401, 200]);
});

it('can be rotated without a grace', async () => {
  const { id, secret } = await make();
  await statusWith(secret);
  await api.call('POST', `/keys/${id}/rotate`, { ...root, json: { graceSeconds: 0 } });
  expect(await statusWith(secret)).toBe(401);
});

it('opens nothing from the moment it is revoked', async () => {
  const { id, secret } = await make();
  expect(await statusWith(secret)).toBe(200);
  const revoke = () => api.call('POST', `/keys/${id}/revoke`, { ...root, json: { reason: 'it leaked' } });
  expect((await revoke()).body['status']).toBe('revoked');
  expect(await statusWith(secret)).toBe(401);
  expect((await revoke()).status).toBe(200);
  const rotate = await api.call('POST', `/keys/${id}/rotate`, root);
  expect([rotate.status, rotate.body.code]).toEqual([409, 'key-over']);
});

it('revoked by another orchestrator, opens nothing within seconds', async () => {
  const { id, secret } = await make();
  expect(await statusWith(secret)).toBe(200);
  const entry = { at: 0, actor: 'other', action: 'key.revoked', entity: 'key', id, set: {} } as const;
  await api.store.revokeKey(id, api.clock.now(), entry);
  api.clock.advance(2_000);
  expect(await statusWith(secret)).toBe(401);
});

it('has each change in the ledger, with who made it and why', async () => {
  const { id } = await make();
  await api.call('POST', `/keys/${id}/rotate`, root);
  await api.call('POST', `/keys/${id}/revoke`, { ...root, json: { reason: 'it leaked' } });
  const changes = (await entries()).filter((entry) => entry.entity === 'key');
  expect(changes.map(({ action }) => action)).toEqual(['key.created', 'key.rotated', 'key.revoked']);
  expect(new Set(changes.map(({ actor }) => actor)).size).toBe(1);
  expect(changes[0]).toMatchObject({ id, set: { name: 'ci', scopes: 'viewer', status: 'active' } });
  expect(changes[2]).toMatchObject({ reason: 'it leaked', set: { status: 'revoked' } });
});

it('notes its last use at most once a minute', async () => {
  const { id, secret } = await make();
  const start = api.clock.now();
  const lastUsed = async () => (await api.store.key(id))?.lastUsedAt;
  await statusWith(secret);
  expect(await lastUsed()).toBe(start);
  api.clock.advance(30_000);
  await statusWith(secret);
  expect(await lastUsed()).toBe(start);
  api.clock.advance(30_000);
  await statusWith(secret);
  expect(await lastUsed()).toBe(start + 60_000);
});

it.each([
  ['POST', '/keys/000000000000/rotate'],
  ['POST', '/keys/000000000000/revoke'],
])('%s %s: there is no such key', async (method, path) => {
  const { status, body } = await api.call(method, path, root);
  expect([status, body.code]).toEqual([404, 'key-not-found']);
});

it('slows whoever guesses, and nobody whose key is in use', async () => {
  const { secret } = await make();
  await statusWith(secret);
  const guess = () => statusWith(`rv_000000000000_${'x'.repeat(43)}`);
  const statuses: number[] = [];
  for (let i = 0; i < 31; i += 1) statuses.push(await guess());
  expect(statuses.at(-2)).toBe(401);
  expect(statuses.at(-1)).toBe(429);
  expect(await statusWith(secret)).toBe(200);
  expect(await statusWith(ROOT)).toBe(200);
});

it('is not known while the store is away: 503, no wrong answer', async () => {
  const { secret } = await make();
  api.outage.error = new Error('connect ECONNREFUSED');
  expect(await statusWith(secret)).toBe(503);
  expect(await statusWith(ROOT)).toBe(200);
});

it('counts where no key is configured, too', async () => {
  await api.close();
  api = await startApi();
  const { secret } = madeBy(await api.call('POST', '/keys', { json: { name: 'read', scopes: ['viewer'] } }));
  const headers = bearer(secret);
  expect((await api.call('GET', '/whoami', { headers })).body['scopes']).toEqual(['viewer']);
  expect((await api.call('GET', '/keys', { headers })).status).toBe(403);
  expect((await api.call('GET', '/whoami', { headers: bearer(`${secret.slice(0, -2)}00`) })).status).toBe(
    401,
  );
  expect((await api.call('GET', '/whoami')).body['id']).toBe('local');
});

describe('records held for a moment', () => {
  const clock = new ManualClock();

  it('are read once for many at once, and bounded', async () => {
    let reads = 0;
    const fresh = new Fresh(clock, async (id) => ((reads += 1), id));
    await Promise.all([fresh.get('a'), fresh.get('a'), fresh.get('a')]);
    expect([reads, fresh.get('a')]).toEqual([1, 'a']);
    for (let n = 0; n < 1_500; n += 1) await fresh.get(`k${n}`);
    expect([fresh.size, fresh.stale('a')]).toEqual([1_000, undefined]);
  });

  it('do not keep what was read before a change', async () => {
    let state = 'good';
    let answer: () => void = () => undefined;
    const fresh = new Fresh(clock, (_id: string) => {
      const read = state;
      return new Promise<string>((resolve) => (answer = () => resolve(read)));
    });
    const before = fresh.get('a');
    state = 'revoked';
    fresh.forget('a');
    answer();
    await before;
    const after = fresh.get('a');
    answer();
    expect(await after).toBe('revoked');
  });
});
