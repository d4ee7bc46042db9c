/** Long campaigns outside of Jest, in whose world of its own the same code takes more than twice as long. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Totals } from './campaign';

const LOADER = join(__dirname, '../support/typescript.cjs');

/** @throws Error with what the process said, where it ended without an answer */
export async function runSeedsApart(first: number, count: number): Promise<Totals> {
  const child = fork(join(__dirname, 'seeds.ts'), [String(first), String(count)], {
    execArgv: ['--require', LOADER],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  let said = '';
  let totals: Totals | undefined;
  child.stderr?.on('data', (text: Buffer) => (said += text.toString()));
  child.on('message', (message) => (totals = message as Totals));
  const [code] = (await once(child, 'close')) as [number | null];
  if (totals === undefined) throw new Error(`The simulation ended with ${code} and no answer. ${said}`);
  return totals;
}
