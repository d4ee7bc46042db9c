/** `reveille reject`: a person's no, or their wish for something else. */
import { Command } from 'commander';
import { decide } from './approvals';
import { overApi, type ApiOptions } from './client';
import { UsageError } from './exit';

interface RejectOptions extends ApiOptions {
  comment?: string;
  sendBack: boolean;
}

export const rejectCommand = (): Command =>
  overApi(
    new Command('reject')
      .description('say no to what waits for a person, or send it back')
      .argument('<id>', 'an approval, or the beginning of its id')
      .option('--send-back', 'let the agent propose something else; --comment says what', false)
      .option('--comment <text>', 'told to the agent, and kept'),
  ).action(async (id: string, options: RejectOptions) => {
    if (options.sendBack && options.comment === undefined)
      throw new UsageError('Say what should be different: add --comment <text>.');
    await decide(id, options.sendBack ? 'revise' : 'reject', options);
  });
