/** The built command as a person types it, in a pipe and on a terminal. */
import { resolve } from 'node:path';
import type { Processes, TestProcess } from '../../support/processes';

const CLI = resolve(__dirname, '../../../dist/cli/index.js');

export interface Ended {
  code: number | null;
  /** Standard output and standard error. */
  text: string;
}

type Env = Record<string, string | undefined>;

/** Commands with this environment; no key and no profile of whoever runs the tests. */
export function cliOf(processes: Processes, base: () => Env) {
  const env = (more: Env): Env => ({
    ...{
      NO_COLOR: '1',
      REVEILLE_API_KEY: undefined,
      REVEILLE_PROFILE: undefined,
      XDG_CONFIG_HOME: '/nowhere',
    },
    ...base(),
    ...more,
  });
  const start = (
    args: readonly string[],
    more: Env = {},
    input: 'ignore' | 'pipe' = 'ignore',
  ): Promise<TestProcess> => processes.start(process.execPath, [CLI, ...args], { env: env(more), input });
  const cli = async (args: readonly string[], more: Env = {}): Promise<Ended> => {
    const child = await start(args, more);
    const { code } = await child.exited;
    return { code, text: child.output() };
  };
  /** On a terminal of `script`, 100 columns wide, with its colours. Its input stays open. */
  const onTerminal = (args: readonly string[], more: Env = {}): Promise<TestProcess> => {
    const command = ['stty cols 100 rows 30; exec', process.execPath, CLI, ...args].join(' ');
    return processes.start('script', ['-qefc', command, '/dev/null'], {
      env: env({ NO_COLOR: undefined, TERM: 'xterm', ...more }),
      input: 'pipe',
    });
  };
  return { start, cli, onTerminal };
}

/** Ids, times and figures that differ from one machine to the next, made the same. */
export const steady = (text: string): string =>
  text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<run>')
    .replace(/ +\d+\.\d\d s(?= {2})/gm, ' <t>')
    .replace(/\d+\.\d+ s/g, '<s>');
