/** `reveille why`: why a run does not move, and what would release it. */
import { Command } from 'commander';
import { Why } from '../http/routes/why';
import { RunView } from '../http/views/run';
import { apiOf, overApi, type ApiOptions } from './client';
import { print, printable, printJson } from './output';
import { runIdOf } from './runs/find';

export function whyCommand(): Command {
  return overApi(new Command('why'))
    .description('say why a run does not move, and what would release it')
    .argument('<run>', 'its id, or the beginning of it; `last` is the newest')
    .action(async (run: string, options: ApiOptions) => {
      const api = apiOf(options);
      const id = await runIdOf(api, run);
      const told = await api.get(`/runs/${id}/why`, Why);
      if (options.json) return printJson(told);
      if (told.why !== null) return print(printable(told.why));
      if (told.status === 'failed') return print(failure(await api.get(`/runs/${id}`, RunView)));
      const over = !['queued', 'running'].includes(told.status);
      print(
        over ? `The run is over: it has ${ended(told.status)}.` : 'It moves: an agent is at work for it.',
      );
    });
}

/** Alerts lead here: what went wrong, where more is told, and what does it again. */
function failure({ id, error, steps }: RunView): string {
  const reason = error ? `: ${error.kind}: ${error.message}` : '';
  const from = steps.find(({ status }) => status === 'failed');
  return [
    `The run is over: it has failed${printable(reason)}`,
    `"reveille logs ${id}" tells what happened.`,
    `"reveille rerun ${id}${from ? ` --from ${from.id}` : ''}" does it again${from ? ' from there' : ''}.`,
  ].join('\n');
}

const ended = (status: string): string => (status === 'cancelled' ? 'been cancelled' : status);
