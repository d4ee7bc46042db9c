/** Opaque page cursors: the sort key of the last item seen. */
export interface Cursor {
  at: number;
  id: string;
}

export const encodeCursor = (cursor: Cursor): string =>
  Buffer.from(JSON.stringify([cursor.at, cursor.id])).toString('base64url');

/** @throws RangeError when the text is not a cursor of ours. */
export function decodeCursor(text: string): Cursor {
  try {
    const [at, id] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[];
    if (Number.isSafeInteger(at) && typeof id === 'string') return { at: at as number, id };
  } catch {
    // Falls through to the one error below.
  }
  throw new RangeError('not a cursor: use nextCursor of the page before');
}

/** Cuts a list fetched with one item too many into a page. */
export function toPage<T>(
  rows: T[],
  limit: number,
  key: (item: T) => Cursor,
): { items: T[]; nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last ? encodeCursor(key(last)) : null };
}
