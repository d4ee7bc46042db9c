import { Command } from 'commander';
import { DEV_DATA } from '../local/running';
import { port } from '../options';
import type { DevOptions } from './index';

export const devCommand = (): Command =>
  new Command('dev')
    .description('run the installation on this machine while it is being written, reloaded on change')
    .option(
      '--port <port>',
      "the orchestrator's port (default: that of last time, 3000, or a free one)",
      port,
    )
    .option('--agents <folder>', 'whose folders are the agents (default: agents of the repository)')
    .option(
      '--registry <file>',
      'JSON, or JavaScript that exports `registry` (default: that of the repository, built on change)',
    )
    .option('--data-dir <folder>', 'where runs, logs and ports are kept', DEV_DATA)
    .action(async (options: DevOptions) => {
      // Loaded when it is wanted: the other commands start without the whole orchestrator.
      const { dev } = await import('./index.js');
      process.exitCode = await dev(options);
    });
