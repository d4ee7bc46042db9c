/**
 * The IANA time zone database as a table. Intl knows the same, but looks through the data of its 800 locales when it is
 * first asked, and what it touched stays: 8 MB in the memory of a process that has nothing to do.
 */
import database from 'moment-timezone/data/packed/latest.json';

const MINUTE_MS = 60_000;

/** What the table is good for: it begins where zones that are one by now may have differed, and it ends. */
const BEGIN = Date.UTC(1970, 0, 1);
const END = Date.UTC(2499, 0, 1);

/** Offsets from UTC in milliseconds, positive to the east, each with the instant before which it holds. */
interface Table {
  readonly offsets: readonly number[];
  readonly untils: readonly number[];
}

/** Those that were asked for; bounded in number by the zones that exist. */
const tables = new Map<string, Table>();

/** The zone's offset at an instant in milliseconds; undefined where the table does not know. */
export function tabulatedOffset(zone: string, instant: number): number | undefined {
  if (!(instant >= BEGIN && instant < END)) return undefined;
  const table = tables.get(zone) ?? read(zone);
  return table?.offsets[firstAfter(table.untils, instant)];
}

/** The index of the first of ascending instants that is after the given one; their number when none is. */
function firstAfter(ascending: readonly number[], instant: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? Infinity) > instant) high = middle;
    else low = middle + 1;
  }
  return low;
}

function read(zone: string): Table | undefined {
  const alias = database.links.find((link) => link.endsWith(`|${zone}`));
  const name = alias?.split('|')[0] ?? zone;
  const packed = database.zones.find((text) => text.startsWith(`${name}|`));
  if (packed === undefined) return undefined;
  const table = unpack(packed);
  tables.set(zone, table);
  return table;
}

/** From `name|abbreviations|minutes to the west|which of them, in order|minutes from one change to the next|people`. */
function unpack(packed: string): Table {
  const [, , west = '', order = '', steps = ''] = packed.split('|');
  const offsets = west.split(' ').map((text) => -Math.round(base60(text) * MINUTE_MS) || 0);
  let minutes = 0;
  return {
    offsets: Array.from(order, (digit) => offsets[base60(digit)] ?? 0),
    untils: (steps === '' ? [] : steps.split(' ')).map((step) =>
      Math.round((minutes += base60(step)) * MINUTE_MS),
    ),
  };
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX';

/** Reads a number such as `-1a.K`. */
function base60(text: string): number {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const value = Array.from(whole + fraction).reduce((sum, digit) => 60 * sum + DIGITS.indexOf(digit), 0);
  return ((text.startsWith('-') ? -1 : 1) * value) / 60 ** fraction.length;
}
