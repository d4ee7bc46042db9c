import { Command } from 'commander';
import { DEMO_DATA } from '../local/running';
import { httpUrl, port } from '../options';

export function demoCommand(): Command {
  return new Command('demo')
    .description('start everything on this machine and audit a web site with three agents')
    .option('--once', 'exit when the run is over and every capsule sleeps', false)
    .option('--json', 'print a machine-readable summary as the last line', false)
    .option('--site <url>', 'audit this site instead of the one that comes with the demo', httpUrl)
    .option('--port <port>', "the orchestrator's port (default: 3000, or a free one)", port)
    .option('--data-dir <folder>', 'where the demo keeps its state', DEMO_DATA)
    .action(
      async (options: { once: boolean; json: boolean; site?: string; port?: number; dataDir: string }) => {
        // Loaded when it is wanted: the other commands start without the whole orchestrator.
        const { demo } = await import('./index.js');
        process.exitCode = await demo(options);
      },
    );
}
