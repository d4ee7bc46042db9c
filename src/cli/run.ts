/** Runs the program: settings that hold for every command, and errors as people read them. */
import { CommanderError, type Command } from 'commander';
import { CliError, EXIT } from './exit';
import { endWithReader } from './output';

/** Sets `process.exitCode`; never throws. */
export async function run(program: Command, argv: readonly string[] = process.argv): Promise<void> {
  endWithReader();
  settle(program);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Commands made apart inherit nothing from the program they are added to. */
function settle(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help says what it takes)');
  for (const child of command.commands) settle(child);
}

function report(error: unknown): number {
  // Commander has printed it. Its code is 0 where help or the version was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    process.stderr.write([error.message, ...error.lines.map((line) => `  ${line}`), ''].join('\n'));
    return error.exitCode;
  }
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return EXIT.failed;
}
