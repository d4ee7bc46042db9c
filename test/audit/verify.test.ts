/** What a tamperer does to a chain is found, and where. */
import fc from 'fast-check';
import { chainHash, ledgerBody } from '../../src/domain/ledger';
import { ChainVerifier, MAX_FINDINGS, type Finding, type LedgerRow } from '../../src/domain/ledger/verify';
import { entryOf, ledgerOf } from './world';

const COUNT = 300;
const honest = ledgerOf(COUNT);
const end = { seq: COUNT, hash: honest.at(-1)?.hash ?? '' };
const clone = (): LedgerRow[] => honest.map((row) => ({ ...row }));
const at = (rows: LedgerRow[], seq: number): LedgerRow => rows[seq - 1] as LedgerRow;

function findings(rows: LedgerRow[], page = 37, head = end): Finding[] {
  const verifier = new ChainVerifier();
  for (let i = 0; i < rows.length; i += page) verifier.add(rows.slice(i, i + page));
  verifier.finish(head);
  return verifier.findings;
}
const places = (rows: LedgerRow[]) => findings(rows).map(({ kind, seq, lastSeq }) => [kind, seq, lastSeq]);
const renumber = (rows: LedgerRow[]): LedgerRow[] => rows.map((row, i) => ({ ...row, seq: i + 1 }));

it('finds nothing wrong with an honest ledger, however it is cut into pages', () => {
  for (const page of [1, 2, 64, 65, COUNT]) expect(findings(clone(), page)).toEqual([]);
});

it('finds an edited entry, and each of several', () => {
  const rows = clone();
  for (const seq of [1, 77, 200]) at(rows, seq).body = at(rows, seq).body.replace('"n"', '"m"');
  expect(places(rows)).toEqual([
    ['edited', 1, 1],
    ['edited', 77, 77],
    ['edited', 200, 200],
  ]);
});

it('finds an entry whose hash was computed anew, at the entry after it', () => {
  const rows = clone();
  const body = ledgerBody({ ...entryOf(50), actor: 'somebody else' });
  Object.assign(at(rows, 50), { body, hash: chainHash(at(rows, 49).hash, body) });
  expect(places(rows)).toEqual([['edited', 51, 51]]);
  expect(findings(rows)[0]?.reason).toMatch(/entry 50 rewritten/);
});

it('finds an entry that is filed under what it does not say', () => {
  const rows = clone();
  at(rows, 60).id = 'another';
  at(rows, 61).entity = 'capsule';
  expect(places(rows)).toEqual([
    ['edited', 60, 60],
    ['edited', 61, 61],
  ]);
});

it('finds entries deleted in the middle, with and without new numbers', () => {
  expect(places(clone().filter(({ seq }) => seq < 100 || seq > 104))).toEqual([['deleted', 100, 104]]);
  const renumbered = renumber(clone().filter(({ seq }) => seq !== 100));
  expect(places(renumbered)).toEqual([
    ['edited', 100, 100],
    ['cut-off', 300, 300],
  ]);
  expect(findings(renumbered)[0]?.reason).toMatch(/entries removed and the rest renumbered/);
});

it('finds an inserted entry, chained or not', () => {
  const body = ledgerBody({ ...entryOf(1), actor: 'somebody' });
  const insert = (hash: string) => {
    const rows = clone();
    rows.splice(100, 0, { seq: 0, body, hash });
    return renumber(rows);
  };
  const moved = { ...end, seq: COUNT + 1 };
  for (const hash of [chainHash(at(honest, 100).hash, body), '0'.repeat(64)]) {
    const [finding, ...others] = findings(insert(hash), 37, moved);
    expect(finding).toMatchObject({ kind: 'inserted', seq: 101, lastSeq: 101 });
    expect(others).toEqual([]);
  }
});

it('finds an entry that comes twice, and one after the end', () => {
  const rows = clone();
  rows.splice(100, 0, { ...at(rows, 100) });
  expect(places(rows)).toEqual([['inserted', 100, 100]]);
  const body = ledgerBody(entryOf(1));
  const longer = [...clone(), { seq: COUNT + 1, body, hash: chainHash(end.hash, body) }];
  expect(places(longer)).toEqual([['inserted', COUNT + 1, COUNT + 1]]);
});

it('finds entries in another order, with their numbers or with each other’s', () => {
  const lines = clone();
  lines.splice(120, 2, at(lines, 122), at(lines, 121));
  expect(places(lines)).toEqual([['reordered', 121, 121]]);
  expect(places(renumber(lines))).toEqual([['reordered', 121, 122]]);
});

it('finds a tail that is cut off, and a head that does not fit', () => {
  expect(places(clone().slice(0, 290))).toEqual([['cut-off', 291, 300]]);
  expect(findings(clone(), 37, { ...end, hash: 'f'.repeat(64) })).toMatchObject([
    { kind: 'edited', seq: 300 },
  ]);
});

it('goes on from a place that was verified, and keeps the hashes it is asked for', () => {
  const from = { seq: 100, hash: at(honest, 100).hash };
  const verifier = new ChainVerifier(from, [100, 150, 999]);
  verifier.add(honest.slice(100));
  verifier.finish(end);
  expect(verifier.findings).toEqual([]);
  expect(verifier.entries).toBe(200);
  expect([...verifier.hashes]).toEqual([
    [100, from.hash],
    [150, at(honest, 150).hash],
  ]);
});

it('stops after so many findings', () => {
  const rows = clone().map((row) => ({ ...row, body: `${row.body} ` }));
  expect(findings(rows)).toHaveLength(MAX_FINDINGS);
});

it('finds whatever one does, at or right after its place', () => {
  const edit = fc.record({
    what: fc.constantFrom('edit', 'delete', 'insert', 'swap', 'hash'),
    seq: fc.integer({ min: 2, max: COUNT - 2 }),
    page: fc.integer({ min: 1, max: 150 }),
  });
  fc.assert(
    fc.property(edit, ({ what, seq, page }) => {
      const rows = clone();
      if (what === 'edit') at(rows, seq).body += ' ';
      if (what === 'hash') at(rows, seq).hash = 'e'.repeat(64);
      if (what === 'delete') rows.splice(seq - 1, 1);
      if (what === 'insert') rows.splice(seq - 1, 0, { ...at(rows, seq), body: '{}', hash: 'd'.repeat(64) });
      if (what === 'swap') rows.splice(seq - 1, 2, at(rows, seq + 1), at(rows, seq));
      const [first] = findings(rows, page);
      expect(first?.seq).toBe(seq);
    }),
    { numRuns: 200 },
  );
});
