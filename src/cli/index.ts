#!/usr/bin/env node
/** The `reveille` command: one file per command. */
import { Command, InvalidArgumentError } from 'commander';
import { demo } from './demo';

function port(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('a port is 1 to 65535');
  return number;
}

function siteUrl(value: string): string {
  const url = URL.parse(value);
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidArgumentError('give an http or https address, e.g. https://example.com/');
  }
  return url.href;
}

async function main(): Promise<void> {
  const program = new Command('reveille').description('Wakes agents, runs them, and lets them sleep.');
  program
    .command('demo')
    .description('start everything on this machine and audit a web site with three agents')
    .option('--once', 'exit when the run is over and every capsule sleeps', false)
    .option('--json', 'print a machine-readable summary as the last line', false)
    .option('--site <url>', 'audit this site instead of the one that comes with the demo', siteUrl)
    .option('--port <port>', "the orchestrator's port (default: 3000, or a free one)", port)
    .option('--data-dir <folder>', 'where the demo keeps its state', '.reveille')
    .action(
      async (options: { once: boolean; json: boolean; site?: string; port?: number; dataDir: string }) => {
        process.exitCode = await demo(options);
      },
    );
  await program.parseAsync();
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
