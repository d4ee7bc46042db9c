/** Accepts jobs, runs as many at once as the agent may, and reports what came of each. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Config } from './config';
import type { AgentRunRequest, AgentRunResult, Ids, Outcome, Records } from './contract';
import { deliver } from './deliver';
import { log, reasonOf, stackOf } from './log';

const LIMITS = { rememberedRuns: 1000, outputBytes: 4 * 1024 * 1024, loggedOutputChars: 16 * 1024 };
/** The workflow of a job that the agent made itself: nobody but the log need ever see its result. */
export const STARTUP = 'startup';

/** An accepted job; `acceptedAt` in milliseconds since 1970. Without a `webhookUrl` its result is not sent. */
export type Job = { request: AgentRunRequest; acceptedAt: number };

/** Where accepted jobs outlive the process: each is run by `Runner.run`, of this process or of the next. */
export interface Queue {
  /** Whether the job was accepted before, also by an earlier process. */
  knows(key: string): Promise<boolean>;
  add(key: string, job: Job): Promise<void>;
  /** Keeps a result until it is reported, for the case that the process ends before. */
  finished(key: string, job: Job, result: AgentRunResult): Promise<void>;
  reported(key: string): Promise<void>;
  /** Takes no more jobs and waits for those that run. */
  close(): Promise<void>;
}

type Held = { ids: Ids; heldAt: number; running: boolean; stop: AbortController; records: Records };
type Which = { runId?: unknown; stepId?: unknown };

/** What is told of failures that name their kind, as `LlmFailure` of `src/llm` and `Misfit` do. */
const KINDS: Record<string, string> = { unavailable: 'provider-unavailable', 'no-recording': 'not-recorded' };
const kindOf = (e: unknown) => (e instanceof Error && 'kind' in e ? String(e.kind) : '');

const isFor = (which: Which) => (ids: Ids) => ids.runId === which.runId && ids.stepId === which.stepId;

/** Loads the job's code on first use, checks the input, runs it, checks the output. */
async function perform({ input, config }: AgentRunRequest, { ids, stop, records }: Held): Promise<Outcome> {
  const [{ check }, { jobContext }] = [await import('./contract.js'), await import('./context.js')];
  const job = await import('./job.js');
  stop.signal.throwIfAborted();
  log('started', ids);
  const again = config.replayCalls ?? config.unrecorded;
  const answers = again && (await import('./replay.js')).answersOf(config, stop);
  const ctx = jobContext(ids, stop.signal, config.dryRun ?? false, records, answers);
  const output = check(job.output, await job.run(check(job.input, input, 'input'), ctx), 'output');
  stop.signal.throwIfAborted(); // a job may have caught why it was to end
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes > LIMITS.outputBytes)
    throw new Error(`output: ${bytes} bytes, the limit is ${LIMITS.outputBytes}`);
  return { status: 'success', output };
}

export class Runner {
  queue: Queue | undefined;
  closing = false;
  /** Accepted and not over, the oldest first. */
  readonly #held = new Map<string, Held>();
  readonly #results: AgentRunResult[] = [];
  readonly #seen = new Set<string>();
  readonly #work = new Set<Promise<void>>();

  constructor(private readonly config: Pick<Config, 'concurrency' | 'secret'>) {}

  /** Takes the job on, unless that was done before or there is no room. @throws when the queue is out of reach */
  async accept(request: AgentRunRequest): Promise<'accepted' | 'duplicate' | 'busy'> {
    const name = JSON.stringify([request.runId, request.stepId, request.config.attempt ?? 1]);
    const key = createHash('sha256').update(name).digest('base64url');
    if ((await this.queue?.knows(key)) || this.#seen.has(key)) return 'duplicate';
    if (this.closing || this.#held.size >= this.config.concurrency) return 'busy';
    const job = { request, acceptedAt: Date.now() };
    this.hold(key, job);
    if (!this.queue) void this.run(key, job);
    else
      await this.queue.add(key, job).catch((error: unknown) => {
        this.letGo(key);
        throw error;
      });
    return 'accepted';
  }

  /** Counts the job as one of this process. It displaces the oldest result. */
  hold(key: string, { request: { workflowId, stepId, runId, config } }: Job): Held {
    const ids = { workflowId, stepId, runId, attempt: config.attempt };
    const held = { ids, heldAt: Date.now(), running: false, stop: new AbortController(), records: {} };
    this.#held.set(key, held);
    if (this.#seen.add(key).size > LIMITS.rememberedRuns) this.#seen.delete([...this.#seen][0] ?? '');
    this.#results.splice(0, this.#results.length - this.config.concurrency + 1);
    return held;
  }

  /** Forgets a job that is not run here. */
  letGo(key: string): void {
    this.#held.delete(key);
    this.#seen.delete(key);
  }

  /** The jobs that are held and were not begun, with the time since when. */
  waiting(): { key: string; heldAt: number }[] {
    return [...this.#held].flatMap(([key, { running, heldAt }]) => (running ? [] : [{ key, heldAt }]));
  }

  /** What `GET /status` tells; of one job alone, when it is held or its result is. */
  status(which: Which) {
    const running = [...this.#held.values()].map(({ ids, records }) => ({
      ...ids,
      progress: records.progress,
    }));
    const state = running.length > 0 ? 'running' : 'idle';
    const [its, itsResult] = [running.find(isFor(which)), this.#results.findLast(isFor(which))];
    if (its || itsResult) return { state, current: its, last: itsResult };
    return { state, current: running[0], last: this.#results.at(-1) };
  }

  /** Stops the jobs that are held; with `which`, just that one. */
  stop(why: string, which?: Which): void {
    for (const { ids, stop } of this.#held.values())
      if (!which || isFor(which)(ids)) stop.abort(new DOMException(why));
  }

  /** Runs a job once and reports its result in the background. With `refusal`, that is the result. Never rejects. */
  async run(key: string, job: Job, refusal?: string): Promise<void> {
    if (this.#seen.has(key) && !this.#held.has(key)) return; // done
    const held = this.#held.get(key) ?? this.hold(key, job);
    if (held.running) return;
    if (refusal) held.stop.abort(new DOMException(refusal));
    await this.#track(this.#execute(key, held, job));
  }

  /** Shows the result at `/status`, and sends it until it is taken or given up. */
  report(key: string, { request }: Job, result: AgentRunResult, saved?: Promise<void>): void {
    if (this.#results.push(result) > this.config.concurrency) this.#results.shift();
    const sent = this.#send(request.config.webhookUrl, result);
    void this.#track(Promise.all([sent, saved]).then(() => this.queue?.reported(key).catch(unsaved)));
  }

  /** Settles when nothing runs and every result is delivered or given up. */
  async drained(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  async #execute(key: string, held: Held, job: Job): Promise<void> {
    held.running = true;
    const outcome = await this.#outcome(key, held, job);
    const durationMs = Math.max(0, Date.now() - job.acceptedAt);
    const result = { ...held.ids, ...outcome, ...structuredClone(held.records), durationMs };
    const { output, ...told } = { ...outcome, durationMs };
    const shown =
      held.ids.workflowId === STARTUP && JSON.stringify(output).length <= LIMITS.loggedOutputChars;
    log('finished', { ...held.ids, ...told, ...(shown && { output }) });
    const saved = this.queue?.finished(key, job, result).catch(unsaved);
    this.report(key, job, result, saved);
    await saved;
  }

  /** What the work gives, or what stops it before. */
  #outcome(key: string, held: Held, { request, acceptedAt }: Job): Promise<Outcome> {
    const { signal } = held.stop;
    const late = new DOMException(`not finished within ${request.config.timeoutSeconds} s`, 'TimeoutError');
    const leftMs = acceptedAt + request.config.timeoutSeconds * 1000 - Date.now();
    if (leftMs <= 0) held.stop.abort(late);
    const timer = setTimeout(() => held.stop.abort(late), leftMs);
    const stopped = once(signal, 'abort').then((): never => {
      throw signal.reason;
    });
    const work = perform(request, held).finally(() => {
      clearTimeout(timer);
      this.#held.delete(key); // not sooner: a job that ignores its signal keeps the agent busy
    });
    return Promise.race([work, stopped]).catch((thrown: unknown) => {
      const reason: unknown = signal.reason ?? thrown;
      const status = reason === late ? 'timeout' : 'error';
      const errorKind = KINDS[kindOf(reason)];
      // What names its kind tells enough, and why a job was stopped is known.
      if (!signal.aborted && !kindOf(thrown)) log('failed', { ...held.ids, stack: stackOf(thrown) });
      return { status, output: {}, error: reasonOf(reason), ...(errorKind && { errorKind }) };
    });
  }

  async #send(url: string, result: AgentRunResult): Promise<void> {
    if (!url) return;
    const { workflowId, stepId, runId, attempt } = result;
    const answer = await deliver(url, result, this.config.secret).then(({ status }) => status, reasonOf);
    log('reported', { workflowId, stepId, runId, attempt, answer });
  }

  async #track(work: Promise<void>): Promise<void> {
    this.#work.add(work);
    await work.finally(() => this.#work.delete(work));
  }
}

/** The queue is a help for the next process; this one goes on without. */
function unsaved(error: unknown): void {
  log('not saved in the queue', { error: reasonOf(error) });
}
