/** `reveille run <workflow>`, also `reveille runs start`: starts a run, and follows it if asked. */
import { Command } from 'commander';
import { RunView } from '../http/views/run';
import { apiOf, overApi, type ApiOptions } from './client';
import { seconds, whole } from './options';
import { jsonObject } from './runs/input';
import { show } from './runs/show';
import { watch } from './runs/watch';
import { interrupted } from './signals';

const DEFAULT_TIMEOUT_SECONDS = 3_600;

interface StartOptions extends ApiOptions {
  input?: object;
  priority?: number;
  idempotencyKey?: string;
  watch: boolean;
  patient: boolean;
  timeout: number;
}

/** @param name how it is called: `run` at the top, `start` below `runs` */
export const startCommand = (name: 'run' | 'start'): Command =>
  overApi(new Command(name))
    .description('start a run of a workflow; --watch follows it to its end')
    .argument('<workflow>', 'its id, as "reveille workflows" lists it')
    .option('--input <json>', "an object, @file or -; merged over the workflow's own input", jsonObject)
    .option('--priority <number>', 'within the bounds of the workflow', whole(-1_000, 1_000))
    .option('--idempotency-key <key>', 'the same key again answers with the run of the first time')
    .option('-w, --watch', 'print what happens until the run is over', false)
    .option('--patient', 'with --watch: also while a switch, a budget or a breaker holds it', false)
    .option('--timeout <seconds>', 'with --watch: how long at most', seconds, DEFAULT_TIMEOUT_SECONDS)
    .action(async (workflow: string, _own: unknown, command: Command) => {
      const options = command.optsWithGlobals<StartOptions>();
      const api = apiOf(options);
      const { input, priority, idempotencyKey } = options;
      const run = await api.post(`/workflows/${encodeURIComponent(workflow)}/runs`, RunView, {
        body: { ...(input && { input }), ...(priority !== undefined && { priority }) },
        ...(idempotencyKey !== undefined && { headers: { 'idempotency-key': idempotencyKey } }),
      });
      if (!options.watch) return show(run, options);
      const { json, patient, timeout: timeoutSeconds } = options;
      process.exitCode = await watch(api, run.id, { json, patient, timeoutSeconds, signal: interrupted() });
    });
