/**
 * Replay before traffic, cut off from everything: the candidate does in the sandbox what the incumbent did. Its tools
 * are answered from what was called then, what it calls over HTTP from the agent's records, and nothing else is there.
 */
import { wishOf, type ReplayWish } from '../domain/rollout/isolated-replay';
import { judgeReplay, noTasksText } from '../domain/rollout/judge-replay';
import type { DeliveredPair, Delivery } from '../domain/rollout/compare-work';
import { forecastOf, type Forecast } from '../domain/rollout/replay';
import type { ReplayCall } from '../domain/rollout/replay-calls';
import { clean, environmentOf, inputsOf, type AgentFolder } from './pipeline';
import { confinement } from './sandbox/confine';
import { readRecordings } from './sandbox/outside/recordings';
import { visitInSandbox } from './sandbox/run';
import type { CaseJob, VisitReport } from './sandbox/visit';
import { outsideReport, outsideTold, shorten, type StageReport } from './stages';

/** How models are asked: from the agent's records, or for real, and then they alone are asked. */
export const REPLAY_LLM_MODES = ['replay', 'live'] as const;
export type ReplayLlmMode = (typeof REPLAY_LLM_MODES)[number];

export interface SandboxTask {
  runId: string;
  attempt: number;
  input: Record<string, unknown>;
  timeoutSeconds: number;
  calls: readonly ReplayCall[];
  /** By the incumbent. */
  delivered: Delivery;
}

export interface SandboxReplay extends AgentFolder {
  wish: ReplayWish;
  incumbent: string;
  tasks: readonly SandboxTask[];
  /** Tasks more that retention had removed. */
  removed: number;
  llm: ReplayLlmMode;
}

const DEADLINE_MS = 60 * 60_000;
/** Where models are asked unless LLM_PROVIDERS names an address. */
const MODEL_HOSTS = ['api.anthropic.com', 'api.openai.com'];

/** What it is going to take: one task after the other, by what the incumbent took. */
export const forecastInSandbox = (tasks: readonly SandboxTask[]): Forecast =>
  forecastOf(
    tasks.map((t) => t.delivered),
    { concurrency: 1, bootMs: 0, pricePerHourUsd: 0 },
  );

/** @throws Error where this machine cannot cut it off: then nothing is begun */
export async function replayInSandbox(options: SandboxReplay): Promise<StageReport> {
  const begun = performance.now();
  const { folder, command, tasks, wish, incumbent, removed, llm } = options;
  const about = { against: incumbent, wish: wishOf(wish), llm };
  const nothing = { ...about, outcomes: { worse: 0, better: 0, same: 0 } };
  const told = (came: Omit<StageReport, 'stage' | 'durationMs'>): StageReport => ({
    ...{ ...came, stage: 'replay', durationMs: Math.round(performance.now() - begun) },
  });
  if (tasks.length === 0) {
    return told({ verdict: 'inconclusive', reason: noTasksText(wish, removed), report: nothing });
  }
  const confined = confinement(true);
  if (!confined.isCut) throw new Error(confined.gaps.at(-1));
  const { env, secrets, named } = await environmentOf(folder, { llm }, await inputsOf(folder));
  const asks = llm === 'live' ? modelHosts(env) : [];
  const outside = { recordings: await readRecordings(folder), secrets: named, records: false, asks };
  const seen = await visitInSandbox({
    ...{ folder, command, env, boots: 1, cases: tasks.map(jobOf), confinement: confined, outside },
    deadlineMs: DEADLINE_MS,
  });
  if (!seen.delivered) {
    const reason = shorten(`it did not boot: ${clean(seen.notBooted ?? '', secrets)}`);
    return told({
      verdict: 'fail',
      reason,
      report: nothing,
    });
  }
  const { pairs, unrecorded } = pairsOf(tasks, seen.delivered);
  const spent = { seconds: seen.timings.casesMs / 1_000, forecast: forecastInSandbox(tasks) };
  const found = judgeReplay(pairs, wish, { removed, untold: 0, unrecorded, open: 0 }, spent);
  const report = { ...found.report, ...about, ...(seen.outside && outsideReport(seen.outside)) };
  return told({
    verdict: found.verdict,
    reason: shorten(clean([found.reason, ...outsideTold(seen.outside)].join('; '), secrets)),
    report: JSON.parse(clean(JSON.stringify(report), secrets)) as Record<string, unknown>,
  });
}

const jobOf = ({ runId, attempt, input, timeoutSeconds, calls }: SandboxTask): CaseJob => ({
  ...{ input, timeoutSeconds, dryRun: true, repeats: 1 },
  config: { replayOf: `${runId}/${attempt}`, replayCalls: [...calls], unrecorded: 'refuse' },
});

/** What asked for something that has no record tells nothing: neither that it does the task, nor that it does not. */
function pairsOf(tasks: readonly SandboxTask[], delivered: NonNullable<VisitReport['delivered']>) {
  const pairs: DeliveredPair[] = [];
  let unrecorded = 0;
  tasks.forEach((task, i) => {
    const one = delivered[i]?.[0];
    if (!one || one.errorKind === 'not-recorded' || (one.refused ?? 0) > 0) {
      unrecorded += 1;
      return;
    }
    const { status, output, durationMs, costUsd } = one;
    const candidate = { ok: status === 'success', output, durationMs, costUsd };
    pairs.push({ incumbent: task.delivered, candidate });
  });
  return { pairs, unrecorded };
}

/** The addresses that its models are at. */
function modelHosts({ LLM_PROVIDERS = '' }: Record<string, string>): string[] {
  const named = [...LLM_PROVIDERS.matchAll(/@(https?:\/\/[^\s,#@?]+)/g)].flatMap(([, url = '']) =>
    URL.canParse(url) ? new URL(url).host : [],
  );
  return [...MODEL_HOSTS, ...named];
}
