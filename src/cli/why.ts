/** `reveille why`: why a run does not move, and what would release it. */
import { Command } from 'commander';
import { Why } from '../http/routes/why';
import { apiOf, overApi, type ApiOptions } from './client';
import { print, printable, printJson } from './output';
import { runIdOf } from './runs/find';

export function whyCommand(): Command {
  return overApi(new Command('why'))
    .description('say why a run does not move, and what would release it')
    .argument('<run>', 'its id, or the beginning of it; `last` is the newest')
    .action(async (run: string, options: ApiOptions) => {
      const api = apiOf(options);
      const told = await api.get(`/runs/${await runIdOf(api, run)}/why`, Why);
      if (options.json) return printJson(told);
      if (told.why !== null) return print(printable(told.why));
      const over = !['queued', 'running'].includes(told.status);
      print(
        over ? `The run is over: it has ${ended(told.status)}.` : 'It moves: an agent is at work for it.',
      );
    });
}

const ended = (status: string): string => (status === 'cancelled' ? 'been cancelled' : status);
