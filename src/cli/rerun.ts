/** `reveille rerun <run>`, also `reveille runs rerun`: does a run again, from a step on. */
import { Command } from 'commander';
import { RunView } from '../http/views/run';
import { apiOf, overApi, type ApiOptions } from './client';
import { runIdOf } from './runs/find';
import { jsonObject } from './runs/input';
import { seconds } from './options';
import { show } from './runs/show';
import { watch } from './runs/watch';
import { interrupted } from './signals';

const DEFAULT_TIMEOUT_SECONDS = 3_600;

interface RerunOptions extends ApiOptions {
  from?: string;
  input?: object;
  watch: boolean;
  timeout: number;
}

export const rerunCommand = (): Command =>
  overApi(new Command('rerun'))
    .description('start a run again; what comes before the step is taken over')
    .argument('<run>', 'its id, or the beginning of it; `last` is the newest')
    .option('--from <step>', 'the first step to do again; default: the first that did not succeed')
    .option('--input <json>', 'an object, @file or -; merged over the input it had', jsonObject)
    .option('-w, --watch', 'print what happens until the run is over', false)
    .option('--timeout <seconds>', 'with --watch: how long at most', seconds, DEFAULT_TIMEOUT_SECONDS)
    .action(async (run: string, _own: unknown, command: Command) => {
      const { from, input, watch: watched, ...options } = command.optsWithGlobals<RerunOptions>();
      const api = apiOf(options);
      const body = { ...(from !== undefined && { fromStep: from }), ...(input && { input }) };
      const again = await api.post(`/runs/${await runIdOf(api, run)}/rerun`, RunView, { body });
      if (!watched) return show(again, options);
      const { json, timeout: timeoutSeconds } = options;
      const signal = interrupted();
      process.exitCode = await watch(api, again.id, { json, timeoutSeconds, patient: false, signal });
    });
