/**
 * Reads a ledger from its beginning (or from a place that was verified before) and says of each
 * place where the chain does not hold what became of it there. Works on pages, so that a ledger of
 * any length takes the memory of one.
 */
import { chainHash, GENESIS, type ChainedEntry } from '../ledger';

/** An entry as it is stored, with the columns that repeat what its body says, where there are any. */
export interface LedgerRow extends ChainedEntry {
  entity?: string;
  id?: string;
}

/** A place in the chain: the entry's number and hash. Number 0 is the beginning, before any entry. */
export interface ChainPlace {
  seq: number;
  hash: string;
}

export const BEGINNING: ChainPlace = { seq: 0, hash: GENESIS };

export type FindingKind =
  | 'edited' // the text of an entry is not what it was
  | 'inserted' // an entry that the chain knows nothing of
  | 'deleted' // entries are missing in the middle
  | 'reordered' // an entry is not at its place
  | 'cut-off' // entries are missing at the end
  | 'rewritten' // the chain holds, but it is not the one that was signed
  | 'checkpoint'; // a checkpoint itself is not to be trusted

/** One thing that is wrong, and where: entries `seq` to `lastSeq`. */
export interface Finding {
  kind: FindingKind;
  seq: number;
  lastSeq: number;
  reason: string;
}

/** Findings that are listed; a ledger with more of them is beyond repair by reading on. */
export const MAX_FINDINGS = 20;
/** How far around a break is looked for where an entry belongs. */
const NEIGHBOURHOOD = 64;

export class ChainVerifier {
  readonly findings: Finding[] = [];
  /** Entries read. */
  entries = 0;
  private place: ChainPlace;
  private pending: LedgerRow[] = [];
  /** The last places, oldest first: where an inserted entry's successor really belongs. */
  private history: ChainPlace[] = [];
  private readonly wanted: ReadonlySet<number>;
  /** The hashes that were found at the numbers asked for. */
  readonly hashes = new Map<number, string>();

  /**
   * @param from a place that is known to be right
   * @param wanted numbers of entries whose hashes are to be kept, e.g. to compare with checkpoints
   */
  constructor(from: ChainPlace = BEGINNING, wanted: Iterable<number> = []) {
    this.place = from;
    this.wanted = new Set(wanted);
    if (this.wanted.has(from.seq)) this.hashes.set(from.seq, from.hash);
  }

  /** How far it came. */
  get at(): ChainPlace {
    return this.place;
  }

  /** No need to read on: there is more wrong than will be told. */
  get isFull(): boolean {
    return this.findings.length >= MAX_FINDINGS;
  }

  /** Takes the next rows, in the order of their numbers. */
  add(rows: readonly LedgerRow[]): void {
    this.pending = this.pending.length === 0 ? [...rows] : [...this.pending, ...rows];
    this.work(false);
  }

  /** There are no more rows. With `head`, where the store says that the chain ends. */
  finish(head?: ChainPlace): void {
    this.work(true);
    if (!head || this.isFull) return;
    const { seq, hash } = this.place;
    if (seq < head.seq) {
      this.find('cut-off', seq + 1, head.seq, `${range(seq + 1, head.seq)} missing at the end`);
    } else if (seq > head.seq) {
      this.find('inserted', head.seq + 1, seq, `${range(head.seq + 1, seq)} after the end of the chain`);
    } else if (hash !== head.hash) {
      this.find('edited', seq, seq, `the hash of entry ${seq} is not the one at which the chain ends`);
    }
  }

  private work(isLast: boolean): void {
    let i = 0;
    while (i < this.pending.length && !this.isFull) {
      const row = this.pending[i] as LedgerRow;
      if (row.seq === this.place.seq + 1 && row.hash === chainHash(this.place.hash, row.body)) {
        this.checkColumns(row);
        this.accept(row);
        i += 1;
        continue;
      }
      // What happened shows in the rows that follow: they may be on the next page.
      if (!isLast && this.pending.length - i <= NEIGHBOURHOOD) break;
      i += this.diagnose(i, row);
    }
    this.pending = this.isFull ? [] : this.pending.slice(i);
  }

  private accept({ seq, hash }: ChainPlace): void {
    this.history.push(this.place);
    if (this.history.length > 2 * NEIGHBOURHOOD) this.history = this.history.slice(-NEIGHBOURHOOD);
    this.place = { seq, hash };
    this.entries += 1;
    if (this.wanted.has(seq)) this.hashes.set(seq, hash);
  }

  private find(kind: FindingKind, seq: number, lastSeq: number, reason: string): void {
    if (!this.isFull) this.findings.push({ kind, seq, lastSeq, reason });
  }

  /** The columns are what searches go by: an entry that hides behind others is edited, too. */
  private checkColumns({ seq, body, entity, id }: LedgerRow): void {
    if (entity === undefined || id === undefined) return;
    // Cheaper than parsing. Keys are in order, and no text before holds a bare quotation mark.
    const said = body.indexOf(',"entity":');
    if (body.startsWith(`,"entity":${JSON.stringify(entity)},"id":${JSON.stringify(id)}`, said)) return;
    this.find('edited', seq, seq, `entry ${seq} is filed under ${entity} ${id}, but does not say so`);
  }

  /** Says what is wrong at a row, and arranges to go on behind it. @returns how many rows are done */
  private diagnose(i: number, row: LedgerRow): number {
    const { seq } = this.place;
    if (row.seq !== seq + 1) return this.diagnoseNumber(i, row);
    const window = this.pending.slice(i, i + NEIGHBOURHOOD);
    const rightful = window.findIndex((r) => follows(this.place, r));
    if (rightful > 0) return this.outOfPlace(i, window, rightful);
    const origin = this.history.findLast((place) => follows(place, row));
    if (origin) {
      const [first, last] = [origin.seq + 1, seq];
      this.find('inserted', first, last, `${range(first, last)} between others: the chain goes around`);
    } else {
      const reason =
        `entry ${row.seq} does not match its hash: it was changed, or what came before it was ` +
        `(entry ${row.seq - 1} rewritten with a hash of its own, or entries removed and the rest renumbered)`;
      this.find('edited', row.seq, row.seq, reason);
    }
    this.accept(row);
    return 1;
  }

  /** The row's number is not the next one. */
  private diagnoseNumber(i: number, row: LedgerRow): number {
    const expected = this.place.seq + 1;
    if (row.seq < expected) {
      const twice = `entry ${row.seq} comes a second time`;
      this.find('inserted', row.seq, row.seq, twice);
      return 1;
    }
    const window = this.pending.slice(i, i + NEIGHBOURHOOD);
    if (window.some((r) => r.seq === expected)) {
      this.find('reordered', expected, expected, `entry ${expected} comes after entry ${row.seq}`);
      this.pending.splice(i, window.length, ...window.sort((a, b) => a.seq - b.seq));
      return 0;
    }
    const [first, last] = [expected, row.seq - 1];
    if (follows(this.place, row)) {
      this.find('edited', row.seq, row.seq, `entry ${row.seq} was given another number: it is ${expected}`);
    } else this.find('deleted', first, last, `${range(first, last)} missing`);
    this.accept(row);
    return 1;
  }

  /** The rightful next entry comes later: those before it were moved or put there. */
  private outOfPlace(i: number, window: LedgerRow[], rightful: number): number {
    const before = window.slice(0, rightful);
    const next = window[rightful] as LedgerRow;
    const first = (before[0] as LedgerRow).seq;
    if (before.some((row) => window.some((other) => other !== row && follows(other, row)))) {
      this.find('reordered', first, next.seq, `${range(first, next.seq)} not in the order they were written`);
      this.pending.splice(i, window.length, ...inChain(this.place, window));
      return 0;
    }
    const last = (before.at(-1) as LedgerRow).seq;
    this.find('inserted', first, last, `${range(first, last)} between others: no hash leads to it`);
    this.place = { seq: last, hash: this.place.hash };
    return rightful;
  }
}

const follows = (place: Pick<ChainPlace, 'hash'>, row: LedgerRow): boolean =>
  row.hash === chainHash(place.hash, row.body);

/** The rows in the order of their hashes as far as that goes, numbered as before. */
function inChain(from: ChainPlace, rows: LedgerRow[]): LedgerRow[] {
  const left = [...rows];
  const ordered: LedgerRow[] = [];
  let place: Pick<ChainPlace, 'hash'> = from;
  for (let n = 0; n < rows.length; n += 1) {
    const at = left.findIndex((row) => follows(place, row));
    const [row] = left.splice(Math.max(0, at), 1) as [LedgerRow];
    ordered.push(row);
    place = row;
  }
  return ordered.map((row, n) => ({ ...row, seq: (rows[n] as LedgerRow).seq }));
}

const range = (first: number, last: number): string =>
  first === last ? `entry ${first} is` : `entries ${first} to ${last} are`;
