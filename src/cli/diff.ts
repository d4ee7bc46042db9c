/** `reveille diff <a> <b>`: what two runs delivered, compared step by step. */
import { Command } from 'commander';
import { z } from 'zod';
import { apiOf, overApi, type ApiOptions } from './client';
import { EXIT } from './exit';
import { cut, print, printable, printJson, terminalWidth } from './output';
import { paintFor, type Paint } from './terminal';

/** Characters of a value where the terminal does not say how wide it is. */
const DEFAULT_WIDTH = 160;

const Change = z.object({
  path: z.array(z.string()),
  kind: z.enum(['added', 'removed', 'changed']),
  old: z.unknown(),
  new: z.unknown(),
});
const Side = z.object({
  runId: z.string(),
  workflowId: z.string(),
  status: z.string(),
  definition: z.string(),
});
const Diff = z.object({
  a: Side,
  b: Side,
  same: z.boolean(),
  steps: z.array(
    z.object({
      stepId: z.string(),
      kind: z.enum(['only-in-a', 'only-in-b', 'same', 'different']),
      changes: z.array(Change),
      more: z.number(),
    }),
  ),
});
type Diff = z.infer<typeof Diff>;

export const diffCommand = (): Command =>
  overApi(
    new Command('diff')
      .description('compare what two runs delivered; exit code 1 when it differs')
      .argument('<a>', 'a run id')
      .argument('<b>', 'another run id'),
  ).action(async (a: string, b: string, options: ApiOptions) => {
    const path = `/runs/${encodeURIComponent(a)}/diff/${encodeURIComponent(b)}`;
    const diff = await apiOf(options).get(path, Diff);
    if (options.json) printJson(diff);
    else for (const line of linesOf(diff, paintFor(process.stdout, process.env))) print(line);
    process.exitCode = diff.same ? EXIT.ok : EXIT.failed;
  });

function linesOf({ a, b, same, steps }: Diff, paint: Paint): string[] {
  const head = [paint.bad(`- ${sideOf(a)}`), paint.good(`+ ${sideOf(b)}`)];
  if (a.workflowId === b.workflowId && a.definition !== b.definition) {
    head.push(paint.warn('The workflow was changed between them.'));
  }
  if (steps.length === 0) return [...head, 'Neither delivered anything.'];
  if (same) return [...head, 'They delivered the same.'];
  return [...head, '', ...steps.flatMap((step) => stepLines(step, paint))];
}

const sideOf = ({ runId, workflowId, status }: Diff['a']): string =>
  printable(`${runId}  ${workflowId}  ${status}`);

const NOTES = { 'only-in-a': 'only the first run has it', 'only-in-b': 'only the second run has it' };

function stepLines({ stepId, kind, changes, more }: Diff['steps'][number], paint: Paint): string[] {
  const name = paint.bold(printable(stepId));
  if (kind === 'same') return [`${name}  ${paint.dim('same')}`];
  if (kind !== 'different') return [`${name}  ${paint.warn(NOTES[kind])}`];
  const rest = more > 0 ? [paint.dim(`  and ${more} more`)] : [];
  return [name, ...changes.flatMap((change) => changeLines(change, paint)), ...rest];
}

function changeLines({ path, kind, old, new: now }: z.infer<typeof Change>, paint: Paint): string[] {
  const place = path.length === 0 ? '(all of it)' : path.join('.');
  const width = (terminalWidth() ?? DEFAULT_WIDTH) - 6;
  const shown = (value: unknown) => cut(printable(JSON.stringify(value)), Math.max(20, width));
  return [
    `  ${printable(place)}`,
    ...(kind === 'added' ? [] : [paint.bad(`    - ${shown(old)}`)]),
    ...(kind === 'removed' ? [] : [paint.good(`    + ${shown(now)}`)]),
  ];
}
