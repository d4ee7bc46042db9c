/** `reveille release forecast`: what a rollout would replay, and what that would take. Nothing is begun. */
import { Command } from 'commander';
import type { z } from 'zod';
import { ReplayForecastView } from '../../http/views/release';
import { apiOf, overApi, type ApiOptions } from '../client';
import { print, printable, printJson } from '../output';
import { findRelease, short } from './commands';

interface ForecastOptions extends ApiOptions {
  env?: string;
  strategy?: string;
}

/** @param strategyOf reads the option: the name of a strategy, or a file */
export const forecastCommand = (strategyOf: (text: string) => Promise<unknown>): Command =>
  overApi(
    new Command('forecast')
      .description('tell how many tasks a rollout would replay, how long that takes and what it costs')
      .argument('<release>', 'its id, or the beginning of it')
      .option('--env <name>', 'the environment (default: the one the orchestrator works by)')
      .requiredOption('--strategy <file>', 'a YAML or JSON file with a replay stage'),
  ).action(async (wanted: string, { env, strategy = 'direct', ...options }: ForecastOptions) => {
    const api = apiOf(options);
    const { id, agentId } = await findRelease(api, wanted);
    const body = {
      ...{ agentId, releaseId: id, deployment: await strategyOf(strategy) },
      ...(env !== undefined && { environment: env }),
    };
    const forecast = await api.post('/deployments/forecast', ReplayForecastView, { body });
    if (options.json) printJson(forecast);
    else tellForecast(forecast);
  });

function tellForecast({ agentId, environment, releaseId, replay }: z.infer<typeof ReplayForecastView>): void {
  const of = `${agentId}/${environment}, release ${short(releaseId)}`;
  if (!replay) return print(printable(`${of}: the strategy replays nothing. Add a stage: - replay: 20`));
  const { tasks, wanted, removed, seconds, costUsd, marginPercent, enough } = replay;
  const gone = removed > 0 ? `; ${removed} more were removed by retention` : '';
  print(printable(`${of}: ${tasks} of ${wanted} tasks are there to be replayed${gone}.`));
  if (tasks === 0) return;
  print(
    `About ${timeText(seconds)} and ${costUsd.toFixed(2)} USD, by what the release before took for the same.`,
  );
  print(
    enough
      ? `A pass shows that it does worse in at most ${marginPercent} % of the tasks.`
      : `Too few to show that it does worse in at most ${marginPercent} % of the tasks: it will ask a person. Take a higher margin, or more tasks.`,
  );
}

export const timeText = (seconds: number): string =>
  seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
