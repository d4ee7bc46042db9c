import { Command } from 'commander';
import { checkCommand } from './check';
import { devCommand } from './dev';
import { evalsCommand } from './evals';
import { sendCommand } from './send';

/** `reveille agent …`: for people who write agents. */
export function agentCommand(): Command {
  return new Command('agent')
    .description('run, try and check an agent while it is being written')
    .addCommand(devCommand())
    .addCommand(sendCommand())
    .addCommand(checkCommand())
    .addCommand(evalsCommand());
}
