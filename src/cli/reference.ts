/** The help of every command as one page, made from the commands: `npm run docs:cli` writes it. */
import type { Command } from 'commander';

/** Of the lines, whatever terminal it is made in. */
const WIDTH = 100;

/** Every command with its full name, parents before their children, in the order of the help. */
export function commandsOf(program: Command): Array<{ name: string; command: Command }> {
  return [...walk(program, program.name())];
}

function* walk(command: Command, name: string): Generator<{ name: string; command: Command }> {
  yield { name, command };
  for (const child of command.createHelp().visibleCommands(command)) {
    // The help that commander adds says nothing new.
    if (child.name() !== 'help') yield* walk(child, `${name} ${child.name()}`);
  }
}

/** What the help of the program says of each command: its name, with what follows it, and what it does. */
export function listingOf(program: Command): Array<{ name: string; term: string; description: string }> {
  const help = program.createHelp();
  return program.commands.map((command) => ({
    name: command.name(),
    term: help.subcommandTerm(command),
    description: help.subcommandDescription(command),
  }));
}

/** A page of Markdown. */
export function referencePage(program: Command): string {
  const sections = commandsOf(program).map(({ name, command }) =>
    [`## ${name}`, '', '```text', helpOf(command), '```'].join('\n'),
  );
  const head = [
    '# Every command',
    '',
    'What `--help` prints, made from the commands by `npm run docs:cli`. How they behave as a whole is in',
    '[the command line](cli.md).',
  ];
  return `${[head.join('\n'), ...sections].join('\n\n')}\n`;
}

/** What `--help` prints, texts before and after it included. */
function helpOf(command: Command): string {
  let text = '';
  const before = command.configureOutput();
  command.configureOutput({
    ...before,
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  command.configureOutput(before);
  return text.trim();
}
