/** `reveille release replay`: a candidate does in the sandbox what the release before did, and the verdict is told. */
import { Command, InvalidArgumentError } from 'commander';
import { PastTaskView, ReplayTasksView } from '../../http/views/replay';
import { VerdictView } from '../../http/views/verdict';
import type { ReplayLlmMode, SandboxTask } from '../../releases/replay';
import { ApiProblem, apiOf, overApi, type ApiClient, type ApiOptions } from '../client';
import { counted, print } from '../output';
import { Progress } from '../progress';
import { conclude, folderOf, teller, wrapped } from './validate';
import { findRelease, short } from './commands';
import { timeText } from './forecast';

interface ReplayOptions extends ApiOptions {
  env?: string;
  folder?: string;
  llm: ReplayLlmMode;
  strategy: string;
}

/** @param strategyOf reads the option: the name of a strategy, or a file */
export const replayCommand = (strategyOf: (text: string) => Promise<unknown>): Command =>
  overApi(
    new Command('replay')
      .description(
        "have a release do past tasks once more, cut off in the sandbox where its agent's folder is, and tell the orchestrator the verdict",
      )
      .argument('<release>', 'its id, or the beginning of it')
      .requiredOption('--strategy <file>', 'a YAML or JSON file with a replay stage, as the rollout has it')
      .option('--env <name>', 'the environment (default: the one the orchestrator works by)')
      .option('--folder <path>', "the agent's folder, built (default: agents/<agent>)")
      .option(
        '--llm <mode>',
        'how models are asked: replay (recorded answers), or live, and then they alone are reached',
        llmMode,
        'replay',
      ),
  ).action(async (wanted: string, { env, strategy, ...options }: ReplayOptions) => {
    const api = apiOf(options);
    const release = await findRelease(api, wanted);
    const { agentId, id: releaseId } = release;
    const { parts: _, ...agent } = await folderOf(release, options.folder ?? `agents/${agentId}`);
    const plan = await api.post('/deployments/replay-tasks', ReplayTasksView, {
      body: {
        ...{ agentId, releaseId, deployment: await strategyOf(strategy) },
        ...(env !== undefined && { environment: env }),
      },
    });
    const tasks = await tasksOf(api, plan);
    // Loaded where it is needed: most commands start without it.
    const { forecastInSandbox, replayInSandbox } = await import('../../releases/replay.js');
    const { seconds, costUsd } = forecastInSandbox(tasks);
    const progress = options.json ? undefined : new Progress();
    if (!options.json)
      print(
        `${counted(tasks.length, 'task')} of ${short(plan.incumbent)}: about ${timeText(seconds)} and ${costUsd.toFixed(2)} USD, by what it took for them.`,
      );
    progress?.show('the tasks are done once more, one after the other');
    const removed = plan.removed + plan.items.length - tasks.length;
    const { incumbent, wish } = plan;
    const stage = await wrapped(
      () => replayInSandbox({ ...agent, ...{ tasks, wish, incumbent, removed, llm: options.llm } }),
      'replay',
    ).finally(() => progress?.end());
    teller(options.json)(stage);
    await api.post(`/releases/${releaseId}/verdicts`, VerdictView, { body: { ...stage } });
    conclude(release, [stage]);
  });

function llmMode(value: string): ReplayLlmMode {
  if (value === 'replay' || value === 'live') return value;
  throw new InvalidArgumentError('write replay or live: made-up answers tell nothing');
}

/** Without those that retention removed meanwhile. */
async function tasksOf(api: ApiClient, { items }: ReplayTasksView): Promise<SandboxTask[]> {
  const tasks: SandboxTask[] = [];
  for (const { runId, stepId, attempt } of items) {
    const path = `/runs/${runId}/steps/${encodeURIComponent(stepId)}/attempts/${attempt}`;
    const task = await api.get(path, PastTaskView).catch((error: unknown) => {
      if (error instanceof ApiProblem && error.problem.status === 404) return undefined;
      throw error;
    });
    if (task) tasks.push({ ...task, runId, attempt });
  }
  return tasks;
}
