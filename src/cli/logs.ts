/** `reveille logs`: what happened to a run, or with -f to everything from now on. */
import { Command } from 'commander';
import { RunView } from '../http/views/run';
import { apiOf, overApi, type ApiOptions } from './client';
import { UsageError } from './exit';
import { seconds } from './options';
import { followAll } from './runs/follow-all';
import { runIdOf } from './runs/find';
import { EventLog, watch } from './runs/watch';
import { interrupted } from './signals';

const DEFAULT_TIMEOUT_SECONDS = 86_400;

interface LogOptions extends ApiOptions {
  follow: boolean;
  timeout: number;
}

export const logsCommand = (): Command =>
  overApi(
    new Command('logs')
      .description('print what happened to a run, line by line; with -f what happens from now on')
      .argument('[run]', 'its id, or the beginning of it; `last` is the newest; without, with -f: every run')
      .option('-f, --follow', 'go on until the run is over, or until Ctrl-C', false)
      .option('--timeout <seconds>', 'with -f: how long at most', seconds, DEFAULT_TIMEOUT_SECONDS),
  ).action(async (run: string | undefined, options: LogOptions) => {
    const api = apiOf(options);
    const { follow, json, timeout: timeoutSeconds } = options;
    if (run === undefined) {
      if (!follow)
        throw new UsageError('Name a run ("last" is the newest), or add -f to follow all of them.');
      return followAll(api, { json, timeoutSeconds, signal: interrupted() });
    }
    const id = await runIdOf(api, run);
    if (follow) {
      const signal = interrupted();
      process.exitCode = await watch(api, id, { json, timeoutSeconds, patient: true, signal });
      return;
    }
    new EventLog(json).show(await api.get(`/runs/${id}`, RunView));
  });
