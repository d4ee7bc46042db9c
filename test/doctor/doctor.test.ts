/** The doctor against a live installation, and what it says of things that are wrong. */
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { skew } from '../../src/doctor/database';
import { examineBackups, examineVersions } from '../../src/doctor/operation';
import { examineBaselines, examineReviewers, examineThresholds } from '../../src/doctor/people';
import { examinePublicUrl, examineWay } from '../../src/doctor/platform';
import { examineSecrets } from '../../src/doctor/secrets';
import type { Finding } from '../../src/doctor';
import { createMemoryStore } from '../../src/store/memory';
import { World } from '../e2e/support/world';
import { temporaryFolder } from '../support/folders';

const KEY = 'vJ4mQ8zT1xW6yB3nR9kL5pD2';
const HOUR_MS = 3_600_000;

describe('a live installation', () => {
  let world: World;
  let found: Finding[];
  let url: string;
  const headers = { authorization: `Bearer ${KEY}` };

  beforeAll(async () => {
    const schedule = { cron: '0 9 * * 1', timezone: 'Europe/Berlin' };
    world = await World.start({
      agents: [{ id: 'alpha' }],
      workflows: [{ id: 'one', name: 'One', schedule, steps: [{ id: 'do', agent: 'alpha' }] }],
    });
    ({ url } = await world.orchestrate({ env: { API_KEYS: KEY, HOST: '127.0.0.1' } }));
    const response = await fetch(`${url}/doctor`, { headers });
    expect(response.status).toBe(200);
    found = ((await response.json()) as { items: Finding[] }).items;
  });
  afterAll(() => world.close());

  const verdicts = (check: string) => found.filter((f) => f.check === check).map(({ verdict }) => verdict);

  it.each([
    'node',
    'database',
    'queue',
    'capsule',
    'capsule-sizes',
    'api-capsule',
    'api-products',
    'schedules',
    'ledger',
    'switches',
    'keys',
    'thresholds',
    'proxies',
  ])('finds %s in order', (check) => expect(verdicts(check)).toEqual(['ok']));

  it('compares both clocks', () => expect(verdicts('clock')).toEqual(['ok', 'ok']));

  it('says what cannot be known from here', () => {
    expect(verdicts('backups')).toEqual(['unknown']);
    expect(verdicts('evals')).toEqual(['unknown']);
  });

  it('warns of nothing that limits agents, and of nobody who decides', () => {
    expect(['budgets', 'caps', 'reviewers'].map(verdicts)).toEqual([['warn'], ['warn'], ['warn']]);
  });

  it('warns of an address that only this machine can reach, and of nobody being told', () => {
    expect([verdicts('public-url'), verdicts('messages')]).toEqual([['warn'], ['warn']]);
  });

  it('tells what to do about everything that is wrong, and no secret', () => {
    for (const { verdict, mend, check } of found)
      if (verdict === 'fail' || verdict === 'warn')
        expect([check, mend]).toEqual([check, expect.any(String)]);
    expect(JSON.stringify(found)).not.toContain(KEY);
    expect(JSON.stringify(found)).not.toContain(world.platform.token);
  });

  it('registers the schedules anew when told to mend', async () => {
    const response = await fetch(`${url}/doctor/fix`, { method: 'POST', headers });
    const { items } = (await response.json()) as { items: Finding[] };
    expect(items.find(({ check }) => check === 'schedules')).toMatchObject({ verdict: 'ok' });
  });

  it('tells strangers nothing', async () => expect((await fetch(`${url}/doctor`)).status).toBe(401));
});

describe('secrets', () => {
  const good = 'q7Wm2Xc9Vb4Nz8Lk3Jh6Gf1D';
  const say = (env: Record<string, string>) =>
    examineSecrets(env).map(({ verdict, text }) => `${verdict} ${text}`);

  it.each([
    [{ CALLBACK_SECRET: good }, 'ok 1 in the environment'],
    [{ CC_AGENT_SECRET_A: 'tiny' }, 'warn CC_AGENT_SECRET_A is shorter'],
    [{ API_KEYS: `${good},please-change-me-0123456789` }, 'warn API_KEYS looks like an example'],
    [{ CALLBACK_SECRET: 'ab'.repeat(20) }, 'warn CALLBACK_SECRET repeats'],
    [{ CALLBACK_SECRET: good, CC_AGENT_SECRET_A: good }, 'fail CALLBACK_SECRET and CC_AGENT_SECRET_A have'],
  ])('%j', (env, text) => {
    const said = say(env);
    expect(said[0]).toContain(text);
    for (const value of Object.values(env)) expect(said.join('')).not.toContain(value);
  });
});

it('knows a backup that is too old, empty, or not there', async () => {
  const folder = await temporaryFolder();
  const now = Date.now();
  const backup = join(folder.path, 'a.dump');
  const verdict = async () => (await examineBackups(folder.path, now)).verdict;
  expect(await verdict()).toBe('fail');
  await writeFile(backup, '');
  expect(await verdict()).toBe('fail');
  await writeFile(backup, 'PGDMP');
  expect(await verdict()).toBe('ok');
  await utimes(backup, new Date(now), new Date(now - 30 * HOUR_MS));
  expect(await verdict()).toBe('fail');
  await mkdir(join(folder.path, 'b'));
  expect((await examineBackups(join(folder.path, 'none'), now)).text).toContain('ENOENT');
  await folder.remove();
});

it.each([
  [0, 'ok'],
  [5_000, 'warn'],
  [-60_000, 'fail'],
])('judges a clock that is %i ms off', (off, verdict) => {
  expect(skew('database', 1_000_000 + off, 1_000_000, 1_000_000).verdict).toBe(verdict);
});

it.each([
  ['v20.19.9', 'fail'],
  ['v20.20.0', 'ok'],
  ['v24.1.0', 'ok'],
])('judges Node.js %s', (node, verdict) => expect(examineVersions(node).verdict).toBe(verdict));

it('fails an address where nobody answers', async () => {
  const [found] = await examinePublicUrl({ environment: 'production' }, 'http://127.0.0.1:1');
  expect(found).toMatchObject({ verdict: 'fail', text: expect.stringContaining('ECONNREFUSED') as string });
});

it.each([
  [10, 0.8, 'ok'],
  [5, 0.9, 'ok'],
  [11, 0.9, 'warn'],
  [5, 0.5, 'warn'],
])('judges that people are asked above %i US dollars and below %i', (spendUsd, confidence, verdict) => {
  expect(examineThresholds({ oversight: { spendUsd, confidence } }).verdict).toBe(verdict);
});

it('counts who may decide, and not keys that are over', async () => {
  const store = createMemoryStore();
  const add = (id: string, scopes: Array<'viewer' | 'approver'>, over: object = {}) =>
    store.addKey(
      { id, name: id, owner: id, scopes, hash: id, createdAt: 1, ...over },
      { at: 1, actor: 'test', action: 'key.created', entity: 'key', id, set: {} },
    );
  const say = async () => (await examineReviewers(store, {}, 100)).text;
  await add('a', ['viewer']);
  await add('b', ['approver'], { expiresAt: 100 });
  await add('c', ['approver'], { revokedAt: 5 });
  expect(await say()).toContain('nobody but who holds API_KEYS');
  await add('d', ['approver']);
  expect(await say()).toBe('people who may decide: 1 by key');
});

it('asks for a score of the release that works', async () => {
  const evals = { stage: 'evals' };
  const store = (verdicts: object[]) =>
    ({
      environment: async (agentId: string) => (agentId === 'a' ? { stable: 'r' } : undefined),
      verdictsOf: async () => verdicts,
    }) as unknown as Parameters<typeof examineBaselines>[0];
  const registry = { agents: [{ id: 'a' }, { id: 'b' }] } as unknown as Parameters<
    typeof examineBaselines
  >[1];
  expect(await examineBaselines(store([]), registry, 'test')).toMatchObject({
    ...{ verdict: 'warn', text: 'no score is on record of a' },
  });
  expect((await examineBaselines(store([evals]), registry, 'test')).verdict).toBe('ok');
});

it.each([
  ['https://reveille.example', 0, undefined, ['warn']],
  ['https://reveille.example', 1, { host: '0.0.0.0', port: 1 }, ['ok', 'warn']],
  ['http://localhost:3000', 0, { host: '127.0.0.1', port: 1 }, ['ok', 'ok']],
  [
    'http://localhost:3000',
    0,
    { host: '0.0.0.0', port: 1, tls: { certFile: 'c', keyFile: 'k' } },
    ['ok', 'ok'],
  ],
])('judges the way to %s with %i proxies and gRPC at %j', (url, trustedProxies, grpc, verdicts) => {
  const http = { trustedProxies } as Parameters<typeof examineWay>[0]['http'];
  const found = examineWay({ http, ...(grpc && { grpc }) }, url);
  expect(found.map(({ verdict }) => verdict)).toEqual(verdicts);
});
