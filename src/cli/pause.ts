/** `reveille pause`: turns a workflow, an agent, an environment or everything off. */
import { Command } from 'commander';
import { apiOf, overApi } from './client';
import { seconds } from './options';
import { print, printable, printJson } from './output';
import { setSwitch, targetOf, type TargetOptions } from './switches';

interface PauseOptions extends TargetOptions {
  message: string;
  for?: number;
}

export const pauseCommand = (): Command =>
  overApi(
    new Command('pause')
      .description('turn something off: nothing of it is woken or sent until it is resumed')
      .argument('[workflow]', 'the id of a workflow')
      .option('--agent <id>', 'an agent instead')
      .option('--environment <name>', 'an environment instead')
      .option('--all', 'everything instead', false)
      .option('--for <seconds>', 'resume by itself after that', seconds)
      .option('--message <text>', 'why, for everybody who finds something held', 'paused by hand'),
  ).action(async (workflow: string | undefined, options: PauseOptions) => {
    const target = targetOf({ ...options, ...(workflow !== undefined && { workflow }) });
    const until = options.for === undefined ? undefined : new Date(Date.now() + options.for * 1_000);
    const body = { ...target, message: options.message, ...(until && { expiresAt: until.toISOString() }) };
    const set = await setSwitch(apiOf(options), body);
    if (options.json) return printJson(set);
    print(`In force since ${set.inForceAt ?? set.createdAt}: ${printable(set.text)}.`);
  });
