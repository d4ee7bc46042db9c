/** What the documentation says of the command line, against the commands. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { EXIT_MEANINGS } from '../../src/cli/exit';
import { createProgram } from '../../src/cli/program';
import { LOADERS } from '../../src/cli/lazy';
import { LISTING } from '../../src/cli/listing';
import { commandsOf, listingOf, referencePage } from '../../src/cli/reference';
import { DOCUMENTED, wordsOf } from './support/documented';

const ROOT = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const commands = commandsOf(createProgram());

it('has the help of every command as it is: npm run docs:cli writes it', () => {
  expect(read('docs/cli-reference.md')).toBe(referencePage(createProgram()));
});

describe('the program as it is started', () => {
  it('lists the commands as they are: npm run docs:cli writes the list', () => {
    expect(LISTING).toEqual(listingOf(createProgram()));
    expect(Object.keys(LOADERS)).toEqual(createProgram().commands.map((c) => c.name()));
  });

  it('says the same of itself and of each command as the whole program', () => {
    const script = `
      const [{ programFor }, { createProgram }] = [require('./dist/cli/lazy'), require('./dist/cli/program')];
      const help = (command) => command && command.createHelp().formatHelp(command, command.createHelp());
      const whole = createProgram();
      const started = (...words) => programFor(['node', 'reveille', ...words]);
      const find = (program, name) => program.commands.find((c) => c.name() === name);
      (async () => {
        const wrong = [];
        for (const words of [['--help'], ['runs', '--help'], [], ['no-such-command']])
          if (help(await started(...words)) !== help(whole)) wrong.push(words);
        for (const { _name: name } of whole.commands)
          for (const words of [[name], ['help', name]])
            if (help(find(await started(...words), name)) !== help(find(whole, name))) wrong.push(words);
        console.log(JSON.stringify({ wrong, tried: whole.commands.length }));
      })();`;
    const said = execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' });
    expect(JSON.parse(said)).toEqual({ wrong: [], tried: LISTING.length });
  });
});

it('has every command in the table of docs/cli.md', () => {
  const table = read('docs/cli.md');
  for (const command of createProgram().commands)
    expect(table).toMatch(new RegExp(`\\b${command.name()}\\b`));
});

it('has the exit codes as they are', () => {
  const rows = [...read('docs/cli.md').matchAll(/^\| (\d) +\| (.*?) *\|$/gm)].map(([, code, text]) => [
    code,
    text,
  ]);
  expect(rows).toEqual(Object.entries(EXIT_MEANINGS));
});

/** What prints something else than JSON: a person's own file, a script, a screen, a key. */
const WITHOUT_JSON = [
  'reveille new agent',
  'reveille dev',
  'reveille agent dev',
  'reveille login',
  'reveille logout',
  'reveille mcp',
  'reveille completion',
  'reveille audit export',
  'reveille audit keygen',
];

it('lets every command print JSON, but those that print something else', () => {
  const leaves = commands.filter(({ command }) => command.commands.length === 0);
  const without = leaves
    .filter(({ name, command }) => !name.startsWith('reveille slots') && !takes(command, '--json'))
    .map(({ name }) => name);
  expect(without).toEqual(without.filter((name) => WITHOUT_JSON.includes(name)));
});

const takes = (command: Command | null, long: string): boolean =>
  command !== null && (command.options.some((o) => o.long === long) || takes(command.parent, long));

it('finds the commands of the documentation', () => {
  expect(DOCUMENTED.length).toBeGreaterThan(20);
});

it.each(DOCUMENTED)('%s: "%s" is a command with these options', (_page, call) => {
  const words = wordsOf(call);
  let command: Command = createProgram();
  for (const [i, word] of words.entries()) {
    const child = command.commands.find((c) => c.name() === word);
    if (!child) {
      for (const option of words.slice(i).filter((w) => /^--?[a-z]/.test(w))) {
        const name = option.split('=')[0] ?? '';
        expect(['--help', '-h', ...flags(command)]).toContain(name);
      }
      break;
    }
    command = child;
  }
  expect(command.name()).not.toBe('reveille');
});

const flags = (command: Command): string[] => [
  ...command.options.flatMap((o) => [o.long, o.short].filter((f) => typeof f === 'string')),
  ...(command.parent ? flags(command.parent) : []),
];
