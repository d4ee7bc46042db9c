/** The orders that Postgres gives rows in. */
import { decodeCursor, type Cursor } from '../cursor';

/** By code point, as the collation "C" does. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Sorted newest first, after the cursor, one more than the page holds. */
export function newest<T>(
  rows: T[],
  key: (row: T) => Cursor,
  limit: number,
  cursor: string | undefined,
): T[] {
  const after = cursor === undefined ? undefined : decodeCursor(cursor);
  const order = (a: Cursor, b: Cursor) => b.at - a.at || compare(b.id, a.id);
  return rows
    .filter((row) => !after || order(after, key(row)) < 0)
    .sort((a, b) => order(key(a), key(b)))
    .slice(0, limit + 1);
}
