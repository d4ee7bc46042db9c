/** Runs one job at a time and reports what came of it. */
import { once } from 'node:events';
import type { AgentRunRequest, AgentRunResult, Ids, JobContext, Outcome, Records } from './contract';
import { deliver } from './deliver';

const LIMITS = { rememberedRuns: 1000, outputBytes: 4 * 1024 * 1024, errorChars: 2000 };

/** Writes one JSON line. */
export function log(message: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), message, ...fields })}\n`);
}

/** Loads the job on first use, checks its input, runs it, checks its output. */
async function perform(input: unknown, ctx: JobContext): Promise<Outcome> {
  const [{ check }, job] = await Promise.all([import('./contract.js'), import('./job.js')]);
  const output = check(job.output, await job.run(check(job.input, input, 'input'), ctx), 'output');
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes > LIMITS.outputBytes)
    throw new Error(`output is ${bytes} bytes, the limit ${LIMITS.outputBytes}`);
  return { status: 'success', output };
}

type Current = { ids: Ids; stop: AbortController };

export class Runner {
  current: Current | undefined;
  last: AgentRunResult | undefined;
  closing = false;
  /** Settles when every result so far is delivered or given up. */
  reported = Promise.resolve();
  readonly #seen = new Set<string>();

  /** Starts the job, unless it was started before or another one is running. */
  accept({ workflowId, stepId, runId, input, config }: AgentRunRequest): 'accepted' | 'duplicate' | 'busy' {
    const ids: Ids = { workflowId, stepId, runId, attempt: config.attempt };
    const key = JSON.stringify([runId, stepId, config.attempt ?? 1]);
    if (this.#seen.has(key)) return 'duplicate';
    if (this.current || this.closing) return 'busy';
    if (this.#seen.add(key).size > LIMITS.rememberedRuns) this.#seen.delete([...this.#seen][0] ?? '');
    this.current = { ids, stop: new AbortController() };
    this.last = undefined;
    const earlier = this.reported;
    this.reported = this.#execute(this.current, input, config).then(() => earlier);
    return 'accepted';
  }

  /** Stops the running job; with `only`, just if it is that one. */
  stop(why: string, only?: { runId?: unknown; stepId?: unknown }): void {
    const { ids, stop } = this.current ?? {};
    if (!only || (only.runId === ids?.runId && only.stepId === ids?.stepId))
      stop?.abort(new DOMException(why));
  }

  async #execute({ ids, stop }: Current, input: unknown, config: AgentRunRequest['config']): Promise<void> {
    const startedAt = performance.now();
    const records: Records = {};
    const late = new DOMException(`not finished within ${config.timeoutSeconds} s`, 'TimeoutError');
    const timer = setTimeout(() => stop.abort(late), config.timeoutSeconds * 1000);
    const stopped = once(stop.signal, 'abort').then((): never => {
      throw stop.signal.reason;
    });
    const work = perform(input, {
      ...ids,
      signal: stop.signal,
      dryRun: config.dryRun ?? false,
      log: (message, fields) => log(message, { ...ids, ...fields }),
      usage: (entry) => void (records.usage ??= []).push(entry),
      action: (entry) => void (records.actions ??= []).push(entry),
    }).finally(() => {
      clearTimeout(timer);
      this.current = undefined; // not sooner: a job that ignores its signal keeps the agent busy
    });
    const outcome = await Promise.race([work, stopped]).catch((thrown: unknown): Outcome => {
      const reason: unknown = stop.signal.reason ?? thrown;
      const error = (reason instanceof Error ? reason.message : String(reason)).slice(0, LIMITS.errorChars);
      return { status: reason === late ? 'timeout' : 'error', output: {}, error };
    });
    this.last = { ...ids, ...outcome, ...records, durationMs: Math.round(performance.now() - startedAt) };
    log('finished', { ...ids, status: outcome.status, error: outcome.error });
    const { webhookUrl } = config;
    const answer = await deliver(webhookUrl, this.last, process.env.AGENT_SECRET).catch((e: Error) => e);
    log('reported', { ...ids, answer: answer instanceof Error ? answer.message : answer.status });
  }
}
