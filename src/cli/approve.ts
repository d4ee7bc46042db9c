/** `reveille approve`: a person's yes. */
import { Command } from 'commander';
import { decide } from './approvals';
import { overApi, type ApiOptions } from './client';

export const approveCommand = (): Command =>
  overApi(
    new Command('approve')
      .description('say yes to what waits for a person')
      .argument('<id>', 'an approval, or the beginning of its id')
      .option('--comment <text>', 'told to the agent, and kept'),
  ).action((id: string, options: ApiOptions & { comment?: string }) => decide(id, 'approve', options));
