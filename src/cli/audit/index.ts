/** `reveille audit`: the ledger looked up, verified, exported; and keys to sign it with. */
import { Command, Option } from 'commander';
import { EXPORT_FORMATS } from '../../engine/audit/export';
import { overApi } from '../client';
import { whole } from '../options';
import { exportTo } from './export';
import { keygen } from './keygen';
import { search } from './search';
import { verify } from './verify';

const MAX_SHOWN = 10_000;

export function auditCommand(): Command {
  return new Command('audit')
    .description('what was done, by whom, and whether the record of it is whole')
    .addCommand(searchCommand())
    .addCommand(verifyCommand())
    .addCommand(exportCommand())
    .addCommand(keygenCommand());
}

const filtered = (command: Command): Command =>
  command
    .option('--actor <who>', 'e.g. key:<id>, engine, agent:<id>')
    .option('--action <what>', 'e.g. run.cancel, or run.* for all of an entity')
    .option('--entity <entity>', 'e.g. run, capsule, alert')
    .option('--id <id>', 'which one of its entity')
    .option('--run-id <run>', 'what is about this run')
    .option('--from <time>', 'a date or a time, e.g. 2026-03-31T09:00:00Z')
    .option('--to <time>', 'a date or a time, not included');

const searchCommand = (): Command =>
  overApi(filtered(new Command('search')))
    .description('who did what to what and why, newest first')
    .option('--limit <n>', 'how many', whole(1, MAX_SHOWN), 50)
    .action(search);

const verifyCommand = (): Command =>
  overApi(new Command('verify'))
    .description('finds entries that were edited, inserted, deleted, reordered or cut off, and says which')
    .option('--checkpoints <file>', 'signed checkpoints, one a line, to compare with')
    .option('--public-key <file...>', 'the keys that signed them: the present one and older ones')
    .option('--from-export <file>', 'reads an export (JSON lines) instead of asking an orchestrator')
    .action(verify);

const exportCommand = (): Command =>
  overApi(filtered(new Command('export')))
    .description('writes the ledger to a file or to standard output, oldest first')
    .addOption(new Option('--format <format>', 'of the lines').choices(EXPORT_FORMATS).default('jsonl'))
    .option('--after <seq>', 'begins behind this entry', whole(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--out <file>', 'a new file; default: standard output')
    .action(exportTo);

const keygenCommand = (): Command =>
  new Command('keygen')
    .description('makes a pair of keys that sign and verify checkpoints')
    .option('--out <folder>', 'where the two files go', '.')
    .action(keygen);
