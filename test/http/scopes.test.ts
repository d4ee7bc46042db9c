/** Every route against every scope and every kind of key, over real HTTP; docs/security.md shows the same table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { holds, SCOPES, type Scope } from '../../src/domain/scope';
import { ApiKeys } from '../../src/http/auth';
import { hashOf, mintKey, newKeyId } from '../../src/http/auth-key';
import { ROUTES } from '../../src/http/routes';
import { asksForScope, scopeOf, withScopeTable } from '../../src/http/scopes';
import type { KeyRecord } from '../../src/store/keys';
import { startApi, type Api } from './support/api';
import { open } from './support/client';
import { START } from './support/clock';

const KEY = 'key-canary-5a0f5c1e';
const UNKNOWN_ID = '3f3e0d5e-6d0c-4a53-9f4a-0d7c7a6e5b11';
/** A path that reaches a route's gate, and names nothing that is there. */
const pathOf = (path: string) =>
  path.replace(/:(runId|alertId|id)\b/g, UNKNOWN_ID).replace(/:\w+/g, 'nothing');

let api: Api;
beforeAll(async () => {
  const plenty = { failuresPerSecond: 10_000, failureBurst: 10_000 };
  api = await startApi({ auth: new ApiKeys([KEY]), limits: plenty });
});
afterAll(() => api.close());

/** A key in the store, as a route would have made it. */
async function keep(scopes: Scope[], over: Partial<KeyRecord> = {}): Promise<string> {
  const id = newKeyId();
  const secret = mintKey(id);
  const record = {
    id,
    name: 'a key',
    owner: 'anna',
    scopes,
    hash: hashOf(secret),
    createdAt: START,
    ...over,
  };
  const entry = { at: START, actor: 'test', action: 'key.created', entity: 'key', id, set: {} } as const;
  await api.store.addKey(record, entry);
  return secret;
}

/** Status alone: a stream that opens is closed again. */
async function statusOf(method: string, path: string, key?: string): Promise<number> {
  // A body that no route takes: whoever gets past the gate changes nothing.
  const headers = {
    'content-type': 'text/csv',
    ...(key !== undefined && { Authorization: `Bearer ${key}` }),
  };
  const raw = method === 'POST' ? 'not json' : '';
  const response = await open(api.port, method, path, { headers, raw });
  response.destroy();
  return response.statusCode ?? 0;
}

const SCOPED = ROUTES.filter(asksForScope);

it('finds scopes on the routes', () => {
  expect(SCOPED.length).toBeGreaterThan(35);
  expect(new Set(SCOPED.map((r) => scopeOf(r.access)))).toEqual(new Set(SCOPES));
});

it('lets nobody change anything with the scope to read', () => {
  // One's own login, and a question whose details need a body.
  const harmless = ['logOut', 'forecastReplay', 'listReplayTasks'];
  const changing = SCOPED.filter((r) => r.method !== 'get' && !harmless.includes(r.operationId));
  expect(changing.filter((r) => r.access === 'viewer').map((r) => r.operationId)).toEqual([]);
});

describe.each(SCOPED.map((r) => [r.method.toUpperCase(), r.path, scopeOf(r.access)] as const))(
  '%s %s asks for %s',
  (method, route, wanted) => {
    const path = pathOf(route);

    it.each(SCOPES)('of %s', async (held) => {
      const status = await statusOf(method, path, await keep([held]));
      if (holds([held], wanted)) expect([401, 403]).not.toContain(status);
      else expect(status).toBe(403);
    });

    it('of nobody, of a wrong, a revoked and an expired key', async () => {
      const good = await keep(['admin']);
      const keys = [
        undefined,
        'guess',
        mintKey(newKeyId()),
        `${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`,
        await keep(['admin'], { revokedAt: START }),
        await keep(['admin'], { expiresAt: START }),
      ];
      const statuses = await Promise.all(keys.map((key) => statusOf(method, path, key)));
      expect(statuses).toEqual(keys.map(() => 401));
    });

    it('lets the key of the environment in', async () => {
      expect([401, 403]).not.toContain(await statusOf(method, path, KEY));
    });
  },
);

it('tells a stranger nothing of what is there', async () => {
  const answers = await Promise.all(
    [
      ['GET', '/runs'],
      ['GET', `/runs/${UNKNOWN_ID}`],
      ['GET', '/no-such-route'],
      ['PUT', '/runs'],
      ['OPTIONS', '/runs'],
      ['DELETE', '/keys'],
      ['GET', '/keys/x/rotate'],
    ].map(([method = '', path = '']) => api.call(method, path)),
  );
  const seen = answers.map(({ status, headers, body }) => {
    const { requestId: _, ...said } = body;
    const { date: _date, 'x-request-id': _id, ...shown } = headers;
    return JSON.stringify([status, said, shown]);
  });
  expect(answers[0]?.status).toBe(401);
  expect(new Set(seen).size).toBe(1);
  expect(seen[0]).not.toMatch(/express|node|server"|version/i);
});

it('tells a key that may read of other addresses and methods', async () => {
  const headers = { Authorization: `Bearer ${await keep(['viewer'])}` };
  expect((await api.call('GET', '/no-such-route', { headers })).status).toBe(404);
  expect((await api.call('PUT', '/runs', { headers })).status).toBe(405);
});

it('names the scope that is missing', async () => {
  const headers = { Authorization: `Bearer ${await keep(['viewer'])}` };
  const { body, headers: shown } = await api.call('GET', '/keys', { headers });
  expect(body).toMatchObject({ code: 'scope-missing', detail: 'This needs the scope admin.' });
  expect(shown['www-authenticate']).toContain('error="insufficient_scope", scope="admin"');
});

it('docs/security.md shows the table of the routes (npm run postman)', () => {
  const text = readFileSync(join(__dirname, '../../docs/security.md'), 'utf8');
  expect(text).toBe(withScopeTable(text, ROUTES));
});
