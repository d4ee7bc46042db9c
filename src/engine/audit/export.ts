/** The ledger as text, line by line: JSON lines that can be verified offline, and CSV for spreadsheets. */
import { canonicalJson } from '../../domain/canonical-json';
import { runOf, traceOf, type ChainedEntry } from '../../domain/ledger';
import { found, matches, type FoundEntry, type LedgerFilter } from '../../domain/ledger/search';
import type { Store } from '../../store/store';

export const EXPORT_FORMATS = ['jsonl', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Entries of one export at most; the next one goes on behind the last. */
export const MAX_EXPORT = 1_000_000;
const PAGE = 2_000;

/** New ones go to the end, where no reader of the old ones looks. */
const COLUMNS = [
  ...['seq', 'at', 'actor', 'action', 'entity', 'id', 'runId', 'reason', 'set', 'was', 'hash'],
  'traceId',
];

/** Chunks of text, a page of the ledger each. */
export async function* exportLedger(
  store: Pick<Store, 'ledgerRows' | 'ledgerSince'>,
  {
    format,
    after,
    limit,
    filter,
  }: { format: ExportFormat; after: number; limit: number; filter: LedgerFilter },
): AsyncGenerator<string> {
  const begin = filter.from === undefined ? 0 : (await store.ledgerSince(filter.from)) - 1;
  let last = Math.max(after, begin);
  let left = limit;
  if (format === 'csv') yield `${COLUMNS.join(',')}\r\n`;
  while (left > 0) {
    const rows = await store.ledgerRows(last, PAGE);
    const fitting = rows
      .map(found)
      .filter(({ entry }) => matches(entry, filter))
      .slice(0, left);
    left -= fitting.length;
    if (fitting.length > 0) yield fitting.map(format === 'csv' ? csvLine : jsonLine).join('');
    last = rows.at(-1)?.seq ?? last;
    if (rows.length < PAGE) return;
  }
}

/** The entry is its text in the ledger to the letter, so that its hash can be computed. */
export const jsonLine = ({ seq, hash, body }: ChainedEntry): string =>
  `{"seq":${seq},"hash":"${hash}","entry":${body}}\n`;

const LINE = /^\{"seq":(\d{1,15}),"hash":"([0-9a-f]{64})","entry":(\{.*\})\}$/;

/** Reads a line of an export. Undefined when it is none. */
export function readLine(line: string): ChainedEntry | undefined {
  const [, seq, hash, body] = LINE.exec(line) ?? [];
  return seq === undefined || hash === undefined || body === undefined
    ? undefined
    : { seq: Number(seq), hash, body };
}

function csvLine({ seq, hash, entry }: FoundEntry): string {
  const { at, actor, action, entity, id, reason = '', set, was } = entry;
  const texts = [actor, action, entity, id, runOf(entry) ?? '', reason, canonicalJson(set)];
  const ends = [was ? canonicalJson(was) : '', hash, traceOf(entry) ?? ''];
  const cells = [new Date(at).toISOString(), ...texts, ...ends];
  return `${seq},${cells.map(csvCell).join(',')}\r\n`;
}

/** Spreadsheets compute what begins like a formula; an apostrophe makes it text. */
const FORMULA = /^[=+\-@\t\r]/;

export const csvCell = (text: string): string =>
  `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
