/** A person's word on a rollout: `reveille release abort`, `accept`, `approve` and `retry`. */
import { Command } from 'commander';
import { RolloutView } from '../../http/views/release';
import { apiOf, overApi, type ApiOptions } from '../client';
import { printJson } from '../output';
import { tellRollout } from './commands';
import { pathOf } from './watch';

interface WordOptions extends ApiOptions {
  reason?: string;
}

const word = (name: string, description: string): Command =>
  overApi(new Command(name).description(description).argument('<rollout>', 'its id'));

const saying =
  (path: string) =>
  async (id: string, { reason, ...options }: WordOptions): Promise<void> => {
    const body = reason === undefined ? {} : { reason };
    const rollout = await apiOf(options).post(pathOf(id, path), RolloutView, { body });
    if (options.json) printJson(rollout);
    else tellRollout(rollout);
  };

export const decideCommands = (): Command[] => [
  word('abort', 'end a rollout and put the pointers back')
    .option('--reason <text>', 'for the ledger')
    .action(saying('/abort')),
  word('accept', 'answer for what a paused rollout could not tell, and go on')
    .requiredOption('--reason <text>', 'why; for the ledger')
    .action(saying('/promote')),
  word('approve', 'say yes to a rollout that waits for approvals')
    .option('--reason <text>', 'for the ledger')
    .action(saying('/approve')),
  word('retry', 'have the stage that could not tell done once more').action(saying('/retry')),
];
