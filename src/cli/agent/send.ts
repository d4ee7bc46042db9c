/** `reveille agent send`: gives an agent one job, and shows the result as it arrives. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { AgentClient, NoAnswer, type Answer } from '../../agent-check/client';
import { quote } from '../../agent-check/text';
import { isLoopbackHost } from '../../config/kinds';
import { apiOf, overApi, type ApiOptions } from '../client';
import { CliError, EXIT, UsageError } from '../exit';
import { httpUrl, seconds, serviceUrl } from '../options';
import { print, printJson } from '../output';
import { aborted, interrupted } from '../signals';
import { paintFor, type Paint } from '../terminal';
import { DEFAULT_TIMEOUT_SECONDS, jobFor, withRunId, type Job } from './send/request';
import { judge, resultLines } from './send/show';
import { localSource, remoteSource, type Arrival, type Source } from './send/sources';
import { watch } from './send/watch';

/** What POST /run may take to answer. */
const RUN_CALL_MS = 15_000;
const CANCEL_CALL_MS = 3_000;
/** For the result of a cancelled job: an agent whose webhook nobody takes goes on trying. */
const CANCELLED_RESULT_MS = 2_000;
/** After the job's own time: for a timeout result to be made and delivered. */
const GRACE_MS = 15_000;

interface Options extends ApiOptions {
  input?: string;
  runRequest?: string;
  timeout?: number;
  webhookUrl?: string;
}

export function sendCommand(): Command {
  const command = new Command('send')
    .description('send an agent one job, and show its result as it arrives')
    .argument('<url>', "the agent's address, e.g. http://localhost:3101", serviceUrl)
    .option('-i, --input <file>', "the job's input as JSON; - reads standard input (default: {})")
    .option('--run-request <file>', 'a whole AgentRunRequest to send instead of the example')
    .option('--timeout <seconds>', `what the job may take (default: ${DEFAULT_TIMEOUT_SECONDS})`, seconds)
    .option(
      '--webhook-url <url>',
      'where the agent reports, when it runs elsewhere: https://…/inbox/my-test of an orchestrator',
      httpUrl,
    );
  return overApi(command)
    .addHelpText('after', '\nAGENT_SECRET, when set, is what the signature of the result is checked with.')
    .action(async (url: string, options: Options) => {
      process.exitCode = await send(url, options);
    });
}

async function send(url: string, options: Options): Promise<number> {
  const source = await sourceFor(url, options);
  try {
    const job = await jobFor(options, source.webhookUrl);
    return await new Sending(new AgentClient(url), source, job, options.json).play(interrupted());
  } finally {
    await source.close();
  }
}

function sourceFor(url: string, options: Options): Promise<Source> {
  if (options.webhookUrl !== undefined) return remoteSource(options.webhookUrl, apiOf(options));
  const { hostname } = new URL(url);
  if (isLoopbackHost(hostname)) return localSource(process.env['AGENT_SECRET']);
  throw new UsageError(`The agent at ${hostname} cannot report to this machine by itself.`, {
    lines: ['Say where it can: --webhook-url https://your-orchestrator/inbox/my-test'],
  });
}

/** One job on its way. Lines are for people; with --json there is one document at the end. */
class Sending {
  private readonly paint: Paint = paintFor(process.stdout, process.env);
  private readonly startedAt = Date.now();

  constructor(
    private readonly agent: AgentClient,
    private readonly source: Source,
    private job: Job,
    private readonly json: boolean,
  ) {}

  /** Answers the exit code. */
  async play(interrupt: AbortSignal): Promise<number> {
    const { source, agent } = this;
    this.say('sending', `run ${this.job.runId}, step ${this.job.stepId}, result to ${source.place}`);
    if (this.job.fault) this.say('note', `it breaks the contract: ${this.job.fault}`);
    const over = new AbortController();
    // Listened for before it is sent: a quick agent reports before it has answered.
    const arrived = source.next(() => this.job, over.signal);
    arrived.catch(() => undefined); // seen below; until then it is nobody's unhandled rejection
    try {
      const refusal = await this.hand();
      if (refusal !== undefined) return refusal;
      const on = {
        progress: (value: unknown) => this.say('progress', quote(value)),
        deaf: (why: string) => this.say('note', `no progress to show: ${why}`),
      };
      const watched = watch(agent, () => this.job, source, on, over.signal);
      const outcome = await Promise.race([arrived, watched, aborted(interrupt), this.deadline(over.signal)]);
      if (outcome === undefined) return await this.cancel(arrived);
      return outcome === 'late' ? this.late() : this.result(outcome);
    } finally {
      over.abort();
    }
  }

  /** Sends the job; answers an exit code when the agent did not take it. */
  private async hand(): Promise<number | undefined> {
    let answer = await this.run();
    if (isAccepted(answer) && (answer.json as { duplicate?: unknown } | undefined)?.duplicate === true) {
      this.say('duplicate', 'the agent has had this job before; it gets it as a run of its own');
      this.job = withRunId(this.job, randomUUID());
      answer = await this.run();
    }
    if (isAccepted(answer)) {
      const took = `HTTP ${answer.status} after ${Math.round(answer.elapsedMs)} ms, run ${this.job.runId}`;
      this.say('accepted', took);
      const { accepted } = (answer.json ?? {}) as { accepted?: unknown };
      if (answer.status !== 202 || accepted !== true) {
        this.say('note', `it answered ${quote(answer.text)}; the contract says 202 { "accepted": true }`);
      }
      return undefined;
    }
    const busy = answer.status === 429 || answer.status === 409;
    const wait = answer.headers['retry-after'];
    const text = `HTTP ${answer.status} ${quote(answer.text)}`;
    const after = busy
      ? wait
        ? `; free in about ${wait} s, it says`
        : '; and it does not say for how long'
      : '';
    this.end(busy ? 'busy' : 'refused', text + after, {
      answer: { status: answer.status, body: answer.json },
    });
    return EXIT.failed;
  }

  private async run(): Promise<Answer> {
    try {
      return await this.agent.post('/run', this.job.body, RUN_CALL_MS);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new CliError(`No agent answers at ${this.agent.baseUrl}: ${error.detail}.`, {
        cause: error,
        lines: ['Start it with "reveille agent dev FOLDER", which prints its address.'],
      });
    }
  }

  private async deadline(signal: AbortSignal): Promise<'late'> {
    const ms = this.job.timeoutSeconds * 1_000 + GRACE_MS;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    });
    return 'late';
  }

  private result(arrival: Arrival): number {
    const { source, job, paint } = this;
    const verdict = judge(arrival, job, source.sees);
    const how = arrival.via === 'webhook' ? 'by webhook' : 'from GET /status';
    if (arrival.via === 'status' && source.sees) {
      this.say('note', `the agent has finished, but no webhook came to ${source.place}`);
    }
    if (arrival.note) this.say('note', arrival.note);
    const { status, shape, mismatches, ok } = verdict;
    this.end(status ?? 'result', `${how} after ${this.elapsed()}`, {
      ok,
      via: arrival.via,
      signature: arrival.signature,
      differences: [...(shape.kind === 'differs' ? shape.differences : []), ...mismatches],
      result: arrival.value ?? null,
    });
    if (!this.json) for (const line of resultLines(arrival, verdict, paint)) print(`          ${line}`);
    return ok ? EXIT.ok : EXIT.failed;
  }

  private late(): number {
    const { timeoutSeconds } = this.job;
    this.end('nothing', `no result within ${timeoutSeconds} s and ${GRACE_MS / 1_000} s more`, {});
    this.say(
      'note',
      `an agent that needs longer reports status timeout itself, and it must reach ${this.source.place}`,
    );
    return EXIT.failed;
  }

  /** Interrupted: the agent need not work for nobody. */
  private async cancel(arrived: Promise<Arrival>): Promise<number> {
    const { runId, stepId } = this.job;
    const said = await this.agent
      .post('/cancel', { runId, stepId }, CANCEL_CALL_MS)
      .then(({ status }) => `POST /cancel answers HTTP ${status}`)
      .catch((error: Error) => error.message);
    await Promise.race([arrived, sleep(CANCELLED_RESULT_MS, undefined, { ref: false })]);
    this.end('cancelled', said, {});
    return EXIT.failed;
  }

  private say(word: string, text: string): void {
    if (this.json) return;
    const { dim, status } = this.paint;
    print(`${dim(this.elapsed().padStart(8))}  ${status(word)(word.padEnd(9))} ${text}`);
  }

  /** The last line; with --json the document. */
  private end(outcome: string, text: string, facts: Record<string, unknown>): void {
    this.say(outcome, text);
    if (!this.json) return;
    const { workflowId, stepId, runId } = this.job;
    const elapsedMs = Date.now() - this.startedAt;
    printJson({ outcome, ok: false, detail: text, workflowId, stepId, runId, elapsedMs, ...facts });
  }

  private elapsed = (): string => `${((Date.now() - this.startedAt) / 1_000).toFixed(2)} s`;
}

const isAccepted = ({ status }: Answer): boolean => status >= 200 && status < 300;
