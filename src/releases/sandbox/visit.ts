/** One stay of an agent in the sandbox: boots it, checks the contract, has it do cases, measures it, ends it. */
import { cpus } from 'node:os';
import type { AgentRunRequest } from '../../contract';
import { checkAgent, type CheckInputs, type Report } from '../../agent-check';
import { AgentClient, NoAnswer } from '../../agent-check/client';
import { fillIn } from '../../agent-check/inputs';
import { AgentGone, Jobs, taken } from '../../agent-check/jobs';
import { DEFAULT_LIMITS as CHECK_LIMITS } from '../../agent-check/limits';
import { Receiver } from '../../agent-check/receiver';
import type { Delivered } from '../../domain/eval/attempt';
import type { Profile } from '../../domain/release/profile';
import { freePort } from '../../os/free-port';
import { AgentProcess, NotBooted } from './agent-process';
import { OutsideRecorder, trusting, type OutsideJob, type OutsideReport } from './outside/recorder';

/** What can be told of the contract without waiting; `reveille agent check` makes all checks. */
export const QUICK_CHECKS = [
  ...['health', 'status-idle', 'boot-id', 'run', 'result', 'result-ids', 'result-shape', 'success'],
  ...['webhook-url', 'signature', 'status-after', 'status-last', 'one-result', 'idempotent', 'additive'],
  ...['malformed', 'missing-fields', 'content-type', 'wrong-input', 'wrong-input-field', 'survives'],
] as const;
/** Where nothing more may come, silence is listened to for so long. */
const QUIET_MS = 100;

export interface CaseJob {
  input: Record<string, unknown>;
  dryRun: boolean;
  timeoutSeconds: number;
  repeats: number;
  /** More for its job's `config`: of what it is a copy, and what that one called. */
  config?: Pick<AgentRunRequest['config'], 'replayOf' | 'replayCalls' | 'unrecorded'>;
}

export interface VisitJob {
  /** Complete: it does without a shell of ours. */
  command: readonly string[];
  folder: string;
  env: Record<string, string>;
  mark: string;
  bootDeadlineMs: number;
  /** How often it is booted; the quickest counts. */
  boots: number;
  check?: { inputs: CheckInputs; secret?: string; all: boolean };
  cases?: CaseJob[];
  /** What answers for everything outside; only in a network of its own. */
  outside?: OutsideJob;
}

export interface VisitReport {
  /** Why it could not be booted. */
  notBooted?: string;
  check?: Report;
  /** The last it printed, where a check failed. */
  printed?: string;
  sample?: { input: Record<string, unknown>; output: Record<string, unknown> };
  profile?: Profile;
  /** Calls to what is outside. */
  outside?: OutsideReport;
  /** By case, each time it was done. */
  delivered?: Delivered[][];
  timings: { bootMs: number; checkMs: number; casesMs: number };
}

export async function visit(job: VisitJob): Promise<VisitReport> {
  if (!job.outside) return boot(job, () => 0);
  const recorder = await OutsideRecorder.open(job.outside);
  try {
    const trusted = { ...job, env: { ...job.env, ...trusting(job.outside.trust) } };
    const report = await boot(trusted, () => recorder.refusedUntilNow);
    return { ...report, outside: recorder.report() };
  } finally {
    await recorder.close();
  }
}

/** @param refusals calls that were refused until now */
async function boot(job: VisitJob, refusals: () => number): Promise<VisitReport> {
  const timings = { bootMs: 0, checkMs: 0, casesMs: 0 };
  const port = await freePort();
  const env = { ...job.env, PORT: String(port) };
  const url = `http://127.0.0.1:${port}`;
  let quickest = Infinity;
  for (let boots = 1; ; boots += 1) {
    const options = { ...job, env, url, deadlineMs: job.bootDeadlineMs };
    const started = await AgentProcess.start(options).catch((error: unknown) => {
      if (error instanceof NotBooted) return error;
      throw error;
    });
    if (started instanceof NotBooted) return { notBooted: started.message, timings };
    const { agent, bootMs } = started;
    timings.bootMs += bootMs;
    quickest = Math.min(quickest, bootMs);
    try {
      if (boots >= job.boots) return await stay(job, agent, { url, bootMs: quickest, timings, refusals });
    } finally {
      await agent.end();
    }
  }
}

interface Stay {
  url: string;
  bootMs: number;
  timings: VisitReport['timings'];
  refusals: () => number;
}

async function stay(
  job: VisitJob,
  agent: AgentProcess,
  { url, bootMs, timings, refusals }: Stay,
): Promise<VisitReport> {
  const report: VisitReport = { timings };
  const receiver = new Receiver();
  await receiver.listen({ host: '127.0.0.1', port: 0 });
  try {
    if (job.check) {
      const begun = performance.now();
      report.check = await checked(url, job.check);
      if (!report.check.compatible) report.printed = agent.output;
      const input = job.check.inputs.quick ?? {};
      const quick = { input, dryRun: job.check.inputs.dryRun ?? false, timeoutSeconds: 30, repeats: 1 };
      const [one] = await deliveries(url, receiver, quick);
      if (one?.status === 'success')
        report.sample = { input: fillIn(input, receiver.places), output: one.output };
      timings.checkMs = performance.now() - begun;
    }
    if (job.cases) {
      const begun = performance.now();
      report.delivered = [];
      for (const each of job.cases) {
        const before = refusals();
        const done = await deliveries(url, receiver, each);
        const refused = refusals() - before;
        report.delivered.push(refused === 0 ? done : done.map((one) => ({ ...one, refused })));
      }
      timings.casesMs = performance.now() - begun;
    }
    const usage = agent.usage();
    if (usage) report.profile = { bootMs, ...usage, machine: machineName() };
    return report;
  } finally {
    await receiver.close();
  }
}

function checked(url: string, { inputs, secret, all }: NonNullable<VisitJob['check']>): Promise<Report> {
  return checkAgent({
    url,
    inputs,
    ...(secret !== undefined && { secret }),
    ...(!all && { only: QUICK_CHECKS, limits: { quietMs: QUIET_MS } }),
  });
}

/** A case, as often as it is to be done. */
async function deliveries(url: string, receiver: Receiver, one: CaseJob): Promise<Delivered[]> {
  const timeoutMs = one.timeoutSeconds * 1_000;
  const jobs = new Jobs(new AgentClient(url), receiver, { ...CHECK_LIMITS, jobMs: timeoutMs }, one.dryRun);
  const all: Delivered[] = [];
  for (let n = 0; n < one.repeats; n += 1) all.push(await delivered(jobs, receiver, one, timeoutMs));
  return all;
}

async function delivered(
  jobs: Jobs,
  receiver: Receiver,
  one: CaseJob,
  timeoutMs: number,
): Promise<Delivered> {
  const none = (error: string): Delivered => ({
    ...{ status: 'none', output: {}, error, durationMs: 0, costUsd: 0, models: [] },
  });
  try {
    // A task of the past is given as it was.
    const job = await jobs.send(
      one.config
        ? { check: 'replay', input: one.input, config: one.config }
        : { check: 'case', input: fillIn(one.input, receiver.places) },
    );
    if (!taken(job.answer))
      return none(`POST /run answered ${job.answer.status}: ${job.answer.text.slice(0, 200)}`);
    const result = await jobs.result(job, timeoutMs + CHECK_LIMITS.graceMs);
    return result ? deliveredOf(result.body) : none(`no result within ${one.timeoutSeconds} s`);
  } catch (error) {
    if (error instanceof AgentGone || error instanceof NoAnswer) return none('the agent ended');
    throw error;
  }
}

interface SaidResult {
  status?: Delivered['status'];
  output?: Record<string, unknown>;
  error?: string;
  errorKind?: string;
  durationMs?: number;
  usage?: Array<{ provider?: unknown; model?: unknown; costUsd?: unknown }>;
}

function deliveredOf(body: unknown): Delivered {
  const {
    status = 'none',
    output = {},
    error,
    errorKind,
    durationMs = 0,
    usage = [],
  } = (body ?? {}) as SaidResult;
  const costs = usage.map((u) => (typeof u.costUsd === 'number' ? u.costUsd : 0));
  return {
    ...{ status, output, durationMs, costUsd: costs.reduce((sum, cost) => sum + cost, 0) },
    ...(error !== undefined && { error }),
    ...(errorKind !== undefined && { errorKind }),
    models: usage.map((u) => ({ provider: String(u.provider), model: String(u.model) })),
  };
}

/** What times are compared on. */
export function machineName(): string {
  const all = cpus();
  return `${process.platform} ${process.arch}, ${all.length} x ${all[0]?.model.trim() ?? 'unknown'}`;
}
