/** What may follow what on the command line: from the commands themselves, so that nothing is missing. */
import type { Command, Option } from 'commander';

export interface Word {
  word: string;
  /** One line about it, for the shells that show it. */
  about: string;
}

export interface Place {
  /** The commands before the cursor, e.g. `runs show`; empty at the top. */
  path: string;
  commands: Word[];
  options: Word[];
  /** What options with fixed choices take, by their long name. */
  choices: Record<string, string[]>;
  /** Options that take a value: what follows one of them is no command. */
  valued: string[];
  /** What a first argument with fixed choices may be. */
  values: string[];
}

/** Every place there is, the top one first. */
export function placesOf(program: Command): Place[] {
  return [...walk(program, '')];
}

function* walk(command: Command, path: string): Generator<Place> {
  const children = command.createHelp().visibleCommands(command);
  const options = command.createHelp().visibleOptions(command);
  yield {
    path,
    commands: children.map((child) => ({ word: child.name(), about: firstLine(child.description()) })),
    options: options.flatMap((option) =>
      namesOf(option).map((word) => ({ word, about: firstLine(option.description) })),
    ),
    choices: Object.fromEntries(
      options.flatMap((o) => (o.argChoices && o.long ? [[o.long, [...o.argChoices]]] : [])),
    ),
    valued: options.filter((o) => o.required || o.optional).flatMap(namesOf),
    values: [...(command.registeredArguments[0]?.argChoices ?? [])],
  };
  for (const child of command.commands) {
    // The help that commander adds lists every command again.
    if (child.name() !== 'help') yield* walk(child, path === '' ? child.name() : `${path} ${child.name()}`);
  }
}

const namesOf = ({ long, short }: Option): string[] =>
  [long, short].filter((name) => name !== undefined && name !== null);

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
