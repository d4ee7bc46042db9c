import { Command } from 'commander';
import { checkCommand } from './check';

/** `reveille agent …`: for people who write agents. */
export function agentCommand(): Command {
  return new Command('agent')
    .description('run, try and check an agent while it is being written')
    .addCommand(checkCommand());
}
