/** The ledger over HTTP: looked up, verified, exported. */
import { readLine } from '../../src/engine/audit/export';
import { ChainVerifier } from '../../src/domain/ledger/verify';
import { chainHash, ledgerBody, type LedgerEntry } from '../../src/domain/ledger';
import { committed } from '../contracts/store-fixtures';
import { startApi, type Api } from './support/api';
import { text } from './support/client';

let api: Api;
beforeEach(async () => void (api = await startApi()));
afterEach(() => api.close());

const note = (entry: Partial<LedgerEntry> = {}) => {
  const at = api.clock.now();
  const base: LedgerEntry = {
    at,
    actor: 'key:abc',
    action: 'alert.raised',
    entity: 'alert',
    id: 'x',
    set: {},
  };
  return committed(api.store, { at, ledger: [{ ...base, ...entry }] });
};
const get = (path: string) => api.call('GET', path);
const items = async (query: string) =>
  (await get(`/audit${query}`)).body['items'] as unknown as LedgerEntry[];

describe('GET /audit', () => {
  it('tells who did what to what and why, with what it was before', async () => {
    const runId = text((await api.startRun()).body.id);
    await api.call('POST', `/runs/${runId}/cancel`);
    const [last, ...earlier] = await items(`?runId=${runId}`);
    expect(last).toMatchObject({
      actor: 'local',
      action: 'run.cancel',
      entity: 'run',
      id: runId,
      runId,
      set: { status: 'cancelled' },
      was: { status: 'running' },
    });
    expect(earlier.at(-1)).toMatchObject({ action: 'run.created', was: null, set: { status: 'running' } });
  });

  it('goes page by page, and by every filter', async () => {
    await note({ id: 'one' });
    api.clock.advance(3_600_000);
    await note({ id: 'two', reason: 'so' });
    const first = await get('/audit?actor=key:abc&limit=1');
    expect(first.body).toMatchObject({ items: [{ id: 'two', reason: 'so' }] });
    const cursor = text(first.body['nextCursor']);
    expect(await items(`?actor=key:abc&limit=1&cursor=${cursor}`)).toMatchObject([{ id: 'one' }]);
    expect(await items('?entity=alert&id=one')).toHaveLength(1);
    expect(await items('?action=alert.*')).toHaveLength(2);
    expect(await items('?actor=key:abc&from=2026-03-02T12:30:00Z')).toMatchObject([{ id: 'two' }]);
    expect(await items('?actor=key:abc&to=2026-03-02')).toEqual([]);
  });

  it.each(['action=x', 'from=yesterday', 'cursor=%00', 'actor=%00', 'limit=0'])(
    'refuses %s',
    async (query) => {
      expect((await get(`/audit?${query}`)).status).toBe(400);
    },
  );
});

describe('GET /audit/verify', () => {
  it('says that all is well, and goes on from a place', async () => {
    for (let n = 0; n < 5; n += 1) await note();
    const { body } = await get('/audit/verify?hashesOf=2,3&to=4');
    expect(body).toMatchObject({
      ok: true,
      complete: true,
      entries: 4,
      to: { seq: 4 },
      hashes: [{ seq: 2 }, { seq: 3 }],
    });
    const { hash } = body['to'] as never as { hash: string };
    expect((await get(`/audit/verify?after=4&hash=${hash}`)).body).toMatchObject({
      ok: true,
      from: { seq: 4 },
    });
    const wrong = await get(`/audit/verify?after=4&hash=${'0'.repeat(64)}`);
    expect(wrong.body).toMatchObject({ ok: false, findings: [{ kind: 'rewritten', seq: 4 }] });
  });

  it('names the entry that is wrong', async () => {
    for (let n = 0; n < 5; n += 1) await note();
    const rows = await api.store.ledgerRows(0, 10);
    api.store.ledgerRows = async (after) =>
      rows
        .filter(({ seq }) => seq > after)
        .map((row) => (row.seq === 3 ? { ...row, body: `${row.body} ` } : row));
    expect((await get('/audit/verify')).body).toMatchObject({
      ok: false,
      findings: [{ kind: 'edited', seq: 3 }],
    });
  });

  it.each(['after=1', 'hash=x', 'hashesOf=a', `hashesOf=${'1,'.repeat(101)}1`])(
    'refuses %s',
    async (query) => {
      expect((await get(`/audit/verify?${query}`)).status).toBe(400);
    },
  );
});

describe('GET /audit/export', () => {
  it('gives lines whose chain can be verified', async () => {
    for (let n = 0; n < 2_500; n += 1) await note({ id: `n ${n} "ü"` });
    const { text: lines, headers } = await get('/audit/export');
    expect(headers['content-type']).toBe('application/x-ndjson');
    const rows = lines.trimEnd().split('\n').map(readLine);
    const { last, ...end } = await api.store.ledgerEnd();
    expect(rows).toHaveLength(last);
    const verifier = new ChainVerifier();
    verifier.add(rows as never);
    verifier.finish(end);
    expect(verifier.findings).toEqual([]);
    const some = (await get('/audit/export?after=10&limit=3')).text.trimEnd().split('\n').map(readLine);
    expect(some.map((row) => row?.seq)).toEqual([11, 12, 13]);
  });

  it('gives CSV in which nothing is a formula', async () => {
    const before = (await api.store.ledgerEnd()).seq;
    const reasons = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', 'a "quoted", one'];
    for (const reason of reasons) await note({ reason, actor: '=cmd', set: { a: 1 } });
    const { text: csv, headers } = await get(`/audit/export?format=csv&after=${before}`);
    expect(headers['content-type']).toMatch(/^text\/csv/);
    const [head, ...lines] = csv.trimEnd().split('\r\n');
    expect(head).toBe('seq,at,actor,action,entity,id,runId,reason,set,was,hash,traceId');
    expect(lines.map((line) => /"x","","(.*)","\{""a"":1\}"/.exec(line)?.[1])).toEqual([
      `'=1+1`,
      `'+1`,
      `'-1`,
      `'@SUM(A1)`,
      `'\tx`,
      'a ""quoted"", one',
    ]);
    expect(csv).not.toMatch(/(^|,)"?[=+@]/m);
    expect(lines[0]).toMatch(/^\d+,"2026-03-02T12:00:00.000Z","'=cmd","alert.raised"/);
  });

  it('is cut off, not ended, when the store fails on the way', async () => {
    for (let n = 0; n < 2_100; n += 1) await note();
    const first = await api.store.ledgerRows(0, 2_000);
    api.store.ledgerRows = (after) =>
      after === 0 ? Promise.resolve(first) : Promise.reject(new Error('the disk is gone'));
    await expect(get('/audit/export')).rejects.toThrow();
    expect(api.logged()).toContain('did not come to its end');
    expect((await get('/audit/export?limit=1')).status).toBe(200);
  });
});

it('computes hashes as the lines tell', () => {
  const body = ledgerBody({ at: 1, actor: 'a', action: 'run.due', entity: 'run', id: 'd', set: {} });
  const hash = chainHash('0'.repeat(64), body);
  expect(readLine(`{"seq":1,"hash":"${hash}","entry":${body}}`)).toEqual({ seq: 1, hash, body });
  for (const line of ['', '{}', `{"seq":1,"hash":"x","entry":{}}`, `{"seq":1}`])
    expect(readLine(line)).toBeUndefined();
});
