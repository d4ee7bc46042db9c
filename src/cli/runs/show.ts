/** A run as a command prints it. */
import type { RunView } from '../../http/views/run';
import { print, printJson, table, terminalWidth } from '../output';
import { paintFor } from '../terminal';
import { heading, stepColumns } from './text';

export function show(run: RunView, { json }: { json: boolean }): void {
  if (json) return printJson(run);
  const paint = paintFor(process.stdout, process.env);
  for (const line of heading(run, paint)) print(line);
  print();
  for (const line of table(run.steps, stepColumns(paint), terminalWidth(), paint.dim)) print(line);
}
