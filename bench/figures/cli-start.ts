/** What a person waits for before a command begins: from the start of the process to its end, where it does nothing else. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { median, type Figure } from '../figure';

const CLI = join(__dirname, '..', '..', 'dist', 'cli', 'index.js');
const WARM_UP = 2;
const STARTS = 15;
const GOAL_MS = 250;

/** The whole help, and the help of one command, for which the command is loaded. */
const CALLS = { help: ['--help'], command: ['runs', '--help'] } as const;
/** The runtime alone, to tell what is ours. */
const NOTHING = ['-e', '0'] as const;

export const cliStart: Figure = {
  id: 'cli-start',
  measure: async ({ log }) => {
    const of = (name: string, args: readonly string[]): number => {
      const times = Array.from({ length: WARM_UP + STARTS }, () => once(args)).slice(WARM_UP);
      log(`${name}: ${times.map((ms) => ms.toFixed(0)).join(' ')} ms`);
      return median(times);
    };
    const goal = { kind: 'at-most', value: GOAL_MS } as const;
    const nothing = of('node alone', NOTHING);
    const help = of('reveille --help', [CLI, ...CALLS.help]);
    const command = of('reveille runs --help', [CLI, ...CALLS.command]);
    return [
      { id: 'cli-start', name: 'reveille --help, start to end', value: help, unit: 'ms', goal },
      { id: 'cli-start-command', name: 'a command, loaded', value: command, unit: 'ms', goal },
      { id: 'cli-start-node', name: '  of it the runtime', value: nothing, unit: 'ms' },
    ];
  },
};

function once(args: readonly string[]): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the command ended with ${status}: ${stderr}`);
  return performance.now() - begin;
}
