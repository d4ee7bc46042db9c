/** `reveille cancel <run>`, also `reveille runs cancel`. */
import { Command } from 'commander';
import { RunView } from '../http/views/run';
import { apiOf, overApi, type ApiOptions } from './client';
import { runIdOf } from './runs/find';
import { show } from './runs/show';

export const cancelCommand = (): Command =>
  overApi(new Command('cancel'))
    .description('cancel a run; once more, and its last steps are given up, too')
    .argument('<run>', 'its id, or the beginning of it; `last` is the newest')
    .option('--reason <text>', 'kept with the run')
    .action(async (run: string, _own: unknown, command: Command) => {
      const { reason, ...options } = command.optsWithGlobals<ApiOptions & { reason?: string }>();
      const api = apiOf(options);
      const body = reason === undefined ? {} : { reason };
      show(await api.post(`/runs/${await runIdOf(api, run)}/cancel`, RunView, { body }), options);
    });
