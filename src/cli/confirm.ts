/** Asks before something that cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { UsageError } from './exit';

/**
 * Asks on a terminal, unless `yes`. Elsewhere nobody can answer, and whoever wrote the script has meant it.
 * @throws UsageError when the person does not want it
 */
export async function confirmed(question: string, yes: boolean): Promise<void> {
  if (yes || !process.stdin.isTTY) return;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('Nothing was done.');
  } finally {
    lines.close();
  }
}
