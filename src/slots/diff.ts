/** Reads a diff without context, as `git diff --unified=0 --text` writes it. */

export interface ChangedFile {
  path: string;
  /** Lines added and removed; 0 for a binary file. */
  changed: number;
  /** What is added; nothing of a binary file. */
  lines: string[];
  /** Number of each added line in the new file. */
  numbers: number[];
}

/** The files of a diff that have changed lines. Renames and modes alone have none. */
export function changedFiles(diff: string): ChangedFile[] {
  const files: ChangedFile[] = [];
  let current: ChangedFile | undefined;
  let next = 0;
  let left = 0;
  for (const line of diff.split('\n')) {
    const hunk = left === 0 ? /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line) : null;
    if (hunk) {
      next = Number(hunk[2]);
      left = Number(hunk[1] ?? 1) + Number(hunk[3] ?? 1);
    } else if (left > 0 && /^[+-]/.test(line)) {
      // Inside a hunk a line that begins with "+++" is a line that begins with "++".
      left -= 1;
      if (current) current.changed += 1;
      if (!line.startsWith('+')) continue;
      current?.lines.push(line.slice(1));
      current?.numbers.push(next);
      next += 1;
    } else if (left === 0 && /^(---|\+\+\+) /.test(line)) {
      const path = pathOf(line.slice(4));
      if (line.startsWith('---')) {
        current = { path, changed: 0, lines: [], numbers: [] };
        files.push(current);
      } else if (current && path !== '/dev/null') current.path = path;
    }
  }
  return files.map((file) => (isBinary(file) ? { ...file, changed: 0, lines: [], numbers: [] } : file));
}

const isBinary = ({ lines }: ChangedFile): boolean => lines.some((line) => line.includes('\0'));

/** Git quotes odd names as C does; for telling a place, near enough is enough. */
const pathOf = (name: string): string =>
  name
    .replace(/\t$/, '')
    .replace(/^"(.*)"$/, '$1')
    .replace(/^[ab]\//, '');
