/** What commands print: lines, tables and JSON, on standard output. */

/** One line. */
export const print = (line = ''): void => void process.stdout.write(`${line}\n`);

/** One JSON document on one line, so that what follows a command can read it line by line. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

export interface Column<T> {
  title: string;
  value: (row: T) => string;
  /** Colours a cell after it was measured and padded. */
  paint?: (row: T) => (text: string) => string;
  /** The column that gives way when the terminal is narrow; at most one. */
  flexible?: boolean;
}

const GAP = '  ';
const MIN_FLEXIBLE = 12;

/**
 * The lines of a table, its titles first.
 * @param width what a line may take; undefined for pipes, where nothing is cut
 */
export function table<T>(
  rows: readonly T[],
  columns: ReadonlyArray<Column<T>>,
  width: number | undefined,
  dim: (text: string) => string,
): string[] {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.value(row))));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...cells.map((row) => (row[i] ?? '').length)),
  );
  const flexible = columns.findIndex((column) => column.flexible);
  const total = widths.reduce((sum, w) => sum + w + GAP.length, -GAP.length);
  if (width !== undefined && flexible >= 0 && total > width) {
    widths[flexible] = Math.max(MIN_FLEXIBLE, (widths[flexible] ?? 0) - (total - width));
  }
  const line = (texts: readonly string[], paint: (i: number) => (text: string) => string) =>
    texts
      .map((text, i) => {
        const fitted = cut(text, widths[i] ?? text.length);
        // Blanks at the end of a line serve nobody.
        const padded = i === texts.length - 1 ? fitted : fitted.padEnd(widths[i] ?? 0);
        return paint(i)(padded);
      })
      .join(GAP)
      .trimEnd();
  const plain = (text: string) => text;
  return [
    line(
      columns.map((c) => c.title),
      () => dim,
    ),
    ...rows.map((row, n) => line(cells[n] ?? [], (i) => columns[i]?.paint?.(row) ?? plain)),
  ];
}

/** Shortened to a length, the missing end shown as `…`. */
export const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;

/** `1 run`, `2 runs`. @param several where an `s` does not make the plural */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;

/**
 * Text of others, harmless in a terminal: control characters, with which a body could move the
 * cursor or hide what follows, become visible.
 */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === '\r' ? '' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const oneLine = (text: string): string => printable(text).replace(/\s+/g, ' ').trim();

/** What a line of standard output may take; undefined when it is no terminal. */
export const terminalWidth = (): number | undefined =>
  process.stdout.isTTY ? (process.stdout.columns ?? 80) : undefined;

/** Whoever reads our output may stop early (`| head`): that is no error of ours. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}
