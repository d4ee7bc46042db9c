/** The commands of a runbook, as the shell hands them to `reveille`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const EXPAND_MS = 10_000;
/** In place of the command: writes down what it was given, each word ended by NUL, each command by another. */
const RECORD = String.raw`reveille() { printf '%s\0' "$@"; printf '\0'; }`;

/** The blocks to be run; they may be indented, as parts of a list. */
export const blocksOf = (text: string): string[] =>
  [...text.matchAll(/^ *```sh run\n([\s\S]*?)^ *```/gm)].map(([, block = '']) =>
    block.replace(/^ +/gm, '').trim(),
  );

/** The arguments of each command of the blocks, quotes and variables taken care of by the shell itself. */
export async function commandsOf(
  blocks: readonly string[],
  variables: Record<string, string>,
): Promise<string[][]> {
  const lines = blocks.flatMap((block) => block.split('\n'));
  const other = lines.find((line) => !line.startsWith('reveille '));
  if (other !== undefined) throw new Error(`a runbook runs nothing but reveille: ${other}`);
  const { stdout } = await promisify(execFile)('sh', ['-euc', [RECORD, ...lines].join('\n')], {
    env: { PATH: process.env.PATH, ...variables },
    timeout: EXPAND_MS,
  });
  return stdout
    .split('\0\0')
    .slice(0, -1)
    .map((command) => command.split('\0'));
}
