/** Two words that differ in at most this share of their letters are taken for a typing slip. */
const MAX_DIFFERENCE = 0.4;

/** Words longer than this are compared by their beginning only, which bounds the work. */
const MAX_COMPARED_LETTERS = 100;

/** Levenshtein's distance: letters to insert, delete or replace to turn `a` into `b`. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** The known word a misspelt one most likely stands for, if any is close enough. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const wanted = word.toLowerCase().slice(0, MAX_COMPARED_LETTERS);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length * MAX_DIFFERENCE)) + 1;
  for (const candidate of known) {
    const found = distance(wanted, candidate.toLowerCase().slice(0, MAX_COMPARED_LETTERS));
    if (found < bestDistance) [best, bestDistance] = [candidate, found];
  }
  return best;
}
