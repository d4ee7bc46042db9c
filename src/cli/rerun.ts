/** `reveille rerun <run>`, also `reveille runs rerun`: does a run again, from a step on. */
import { Command } from 'commander';
import { RunView } from '../http/views/run';
import { apiOf, overApi, type ApiOptions } from './client';
import { runIdOf } from './runs/find';
import { jsonObject } from './runs/input';
import { show } from './runs/show';

interface RerunOptions extends ApiOptions {
  from?: string;
  input?: object;
}

export const rerunCommand = (): Command =>
  overApi(new Command('rerun'))
    .description('start a run again; what comes before the step is taken over')
    .argument('<run>', 'its id, or the beginning of it; `last` is the newest')
    .option('--from <step>', 'the first step to do again; default: the first that did not succeed')
    .option('--input <json>', 'an object, @file or -; merged over the input it had', jsonObject)
    .action(async (run: string, _own: unknown, command: Command) => {
      const { from, input, ...options } = command.optsWithGlobals<RerunOptions>();
      const api = apiOf(options);
      const body = { ...(from !== undefined && { fromStep: from }), ...(input && { input }) };
      show(await api.post(`/runs/${await runIdOf(api, run)}/rerun`, RunView, { body }), options);
    });
