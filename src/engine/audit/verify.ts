/** Verifies the stored ledger, stretch by stretch: a call takes seconds at most, and the next goes on. */
import {
  BEGINNING,
  ChainVerifier,
  type ChainPlace,
  type Finding,
  type LedgerRow,
} from '../../domain/ledger/verify';
import type { Store } from '../../store/store';
import type { Clock } from '../ports';

/** Entries read at a time: about two megabytes. */
const PAGE = 5_000;
/** How long one call reads. */
const STRETCH_MS = 10_000;

export interface StretchRequest {
  /** Known to be right, e.g. from a signed checkpoint or from the stretch before. */
  from?: ChainPlace;
  /** The last entry to read. Default: the end. */
  to?: number;
  /** Numbers of entries whose hashes are wanted. */
  hashesOf?: readonly number[];
}

export interface Stretch {
  from: ChainPlace;
  /** How far it was read. */
  to: ChainPlace;
  entries: number;
  findings: Finding[];
  hashes: Map<number, string>;
  /** Where the record says that the ledger ends. */
  end: ChainPlace;
  /** False: go on from `to`. */
  complete: boolean;
}

type Deps = { store: Pick<Store, 'ledgerEnd' | 'ledgerRows'>; clock: Pick<Clock, 'now'> };

export async function verifyStretch({ store, clock }: Deps, request: StretchRequest = {}): Promise<Stretch> {
  const { from = BEGINNING, hashesOf = [] } = request;
  const { last, ...end } = await store.ledgerEnd();
  const to = Math.min(request.to ?? Infinity, end.seq);
  const verifier = new ChainVerifier(from, hashesOf);
  const deadline = clock.now() + STRETCH_MS;
  const unknown = await startsElsewhere(store, from);
  let read = from.seq;
  let isOver = unknown !== undefined;
  let coming: Promise<LedgerRow[]> | undefined;
  while (!isOver && read < to && !verifier.isFull && clock.now() < deadline) {
    const page = await (coming ?? nextPage(store, read, to));
    // Commits since `ledgerEnd` are no business of this call.
    const rows = page.filter(({ seq }) => seq <= to);
    read = rows.at(-1)?.seq ?? to;
    // The server reads on while these are checked.
    coming = read < to ? nextPage(store, read, to) : undefined;
    verifier.add(rows);
    isOver = rows.length === 0;
  }
  // What is not looked at any more may fail as it likes.
  await coming?.catch(() => undefined);
  const isDone = isOver || read >= to || verifier.isFull;
  verifier.finish(isDone && to === end.seq && !unknown ? end : undefined);
  const findings = [...(unknown ? [unknown] : []), ...verifier.findings];
  // In one statement with the end: not a commit's, which moves both.
  if (isDone && to === end.seq && last > end.seq) findings.push(beyond(end.seq, last));
  const { at, entries, hashes } = verifier;
  return { from, to: at, entries, findings, hashes, end, complete: isDone };
}

function nextPage(store: Deps['store'], read: number, to: number): Promise<LedgerRow[]> {
  const page = store.ledgerRows(read, Math.min(PAGE, to - read));
  // It is awaited once the page before it is checked: a failure meanwhile is not one that nobody takes.
  page.catch(() => undefined);
  return page;
}

/** A stretch that does not begin where its caller believes would find fault with the wrong entry. */
async function startsElsewhere(store: Deps['store'], from: ChainPlace): Promise<Finding | undefined> {
  if (from.seq === 0) return undefined;
  const [row] = await store.ledgerRows(from.seq - 1, 1);
  if (row?.seq === from.seq && row.hash === from.hash) return undefined;
  const reason =
    row?.seq === from.seq
      ? `entry ${from.seq} is not the one that was seen before: something up to it was rewritten`
      : `entry ${from.seq}, which was seen before, is missing`;
  return { kind: row?.seq === from.seq ? 'rewritten' : 'deleted', seq: from.seq, lastSeq: from.seq, reason };
}

const beyond = (end: number, last: number): Finding => ({
  kind: 'inserted',
  seq: end + 1,
  lastSeq: last,
  reason: `entries ${end + 1} to ${last} come after the end of the chain`,
});
