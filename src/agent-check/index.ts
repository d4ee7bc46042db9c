/** The contract test for an agent in any language: `checkAgent` speaks to it as the orchestrator does. */
import { fail, skip, Verdict, type Check, type Outcome } from './check';
import { CHECKS, selectChecks } from './checks';
import { AgentClient, NoAnswer } from './client';
import { INPUT_FILE, type CheckInputs } from './inputs';
import { AgentGone } from './jobs';
import { DEFAULT_LIMITS, type CheckLimits } from './limits';
import { Receiver, type ReceiverOptions } from './receiver';
import { reportOf, type CheckResult, type Report } from './report';
import { Subject } from './subject';
import { redactor } from './text';

export { CHECKS } from './checks';
export { INPUT_FILE, readInputs, type CheckInputs } from './inputs';
export type { Check, Outcome } from './check';
export type { CheckLimits } from './limits';
export type { CheckResult, Report, Score } from './report';

/** Ends every line of checks that nothing may be left of: the one that is blamed when the agent dies. */
const SURVIVES = 'survives';

export interface CheckOptions {
  /** The agent's address, without a path of the contract. */
  url: string;
  inputs?: CheckInputs;
  /** What the agent signs with. */
  secret?: string | undefined;
  receiver?: ReceiverOptions;
  /** Ids; those they need are made, too. Default: all. */
  only?: readonly string[];
  limits?: Partial<CheckLimits>;
  /** Told of each check in their order, as soon as it and those before it are over. */
  onResult?: (result: CheckResult) => void;
}

/** Nothing answered at the agent's address. */
export class AgentUnreachable extends Error {}

/**
 * Checks an agent.
 * @throws AgentUnreachable; Error on an unknown check or a receiver that cannot listen
 */
export async function checkAgent(options: CheckOptions): Promise<Report> {
  const checks = options.only ? selectChecks(options.only) : CHECKS;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const agent = new AgentClient(options.url.replace(/\/+$/, ''));
  const startedAt = new Date();
  await reach(agent, limits);
  const receiver = new Receiver();
  await receiver.listen(options.receiver ?? { host: '127.0.0.1', port: 0 });
  try {
    const subject = new Subject(agent, receiver, options.inputs ?? {}, limits, options.secret);
    const results = await new Round(subject, options).run(checks);
    return reportOf(agent.baseUrl, startedAt, Date.now() - startedAt.getTime(), results);
  } finally {
    await receiver.close();
  }
}

async function reach(agent: AgentClient, limits: CheckLimits): Promise<void> {
  try {
    await agent.get('/health', limits.statusMs);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    throw new AgentUnreachable(
      `No agent answers at ${agent.baseUrl} (${error.message}). Start it, and give the address it listens on.`,
      { cause: error },
    );
  }
}

/** One after the other; a check that gave up its turn goes on beside the next ones. */
class Round {
  readonly #outcomes = new Map<string, Promise<Outcome>>();
  readonly #redact: (text: string) => string;
  /** The check during which the agent's process ended. */
  #goneAt: string | undefined;

  constructor(
    private readonly subject: Subject,
    private readonly options: CheckOptions,
  ) {
    this.#redact = redactor([options.secret ?? '']);
  }

  async run(checks: readonly Check[]): Promise<CheckResult[]> {
    const results: CheckResult[] = [];
    let told = Promise.resolve();
    for (const check of checks) {
      let endTurn = (): void => undefined;
      const turnEnded = new Promise<void>((resolve) => (endTurn = resolve));
      // The last one judges the whole, so the watchers have to be done.
      if (check.id === SURVIVES) await told;
      const startedAt = performance.now();
      let durationMs = 0;
      const outcome = this.#perform(check, endTurn).then((o) => {
        durationMs = Math.round(performance.now() - startedAt);
        return this.#clean(o);
      });
      this.#outcomes.set(check.id, outcome);
      const { id, title, required } = check;
      told = Promise.all([outcome, told]).then(([done]) => {
        const result = { id, title, required, outcome: done, durationMs };
        results.push(result);
        this.options.onResult?.(result);
      });
      // An unexpected error of a check ends the round below; here it must not end the process.
      told.catch(() => undefined);
      await Promise.race([outcome, turnEnded]);
    }
    await told;
    return results;
  }

  async #perform(check: Check, endTurn: () => void): Promise<Outcome> {
    const obstacle = this.#missing(check) ?? (await this.#obstacle(check));
    if (obstacle) return obstacle;
    try {
      return await check.run(this.subject, endTurn);
    } catch (error) {
      if (error instanceof Verdict) return error.outcome;
      if (error instanceof AgentGone) return this.#gone(check);
      if (error instanceof NoAnswer) return this.#unanswered(check, error);
      throw error;
    }
  }

  /** What the agent's author did not give. */
  #missing({ given }: Check): Outcome | undefined {
    const { inputs, secret } = this.subject;
    if (given === undefined) return undefined;
    if (given === 'secret') {
      if (secret !== undefined) return undefined;
      return skip(
        'needs-secret',
        'set AGENT_SECRET, or name its variable by --secret-env, to have it verified',
      );
    }
    if (inputs[given] !== undefined) return undefined;
    const meaning = {
      slow: 'an input that keeps the job at work for at least 20 s',
      wrong: 'an input that does not fit the job',
      wrongField: 'the name of the field that is wrong in "wrong"',
    }[given];
    return skip('needs-input', `add "${given}" to ${INPUT_FILE}: ${meaning}`);
  }

  async #obstacle({ id, needs = [] }: Check): Promise<Outcome | undefined> {
    if (this.#goneAt !== undefined && id !== SURVIVES)
      return skip('blocked', `the agent has ended during \`${this.#goneAt}\``);
    for (const needed of needs) {
      const outcome = await this.#outcomes.get(needed);
      if (outcome?.kind === 'fail') return skip('blocked', `needs \`${needed}\`, which failed`);
      if (outcome?.kind === 'skip') return skip(outcome.why, `needs \`${needed}\`, which was not checked`);
    }
    return undefined;
  }

  async #unanswered(check: Check, { call, detail }: NoAnswer): Promise<Outcome> {
    try {
      await this.subject.jobs.pulse();
    } catch (error) {
      if (error instanceof AgentGone) return this.#gone(check);
      throw error;
    }
    return fail(`${call}: ${detail}`, 'an answer', 'Answer every request, also while a job is at work.');
  }

  #gone({ id }: Check): Outcome {
    this.#goneAt ??= id;
    if (id !== SURVIVES) return skip('blocked', 'the agent ended meanwhile');
    return fail(
      `nothing listens there any more, since \`${this.#goneAt}\``,
      'the process lives on, whatever came',
      'Catch what a job or a request throws; end the process on a signal only.',
    );
  }

  /** No secret and no token leaves this place, whatever the agent answered. */
  #clean(outcome: Outcome): Outcome {
    const clean = Object.entries(outcome).map(([key, text]) => [key, this.#redact(text)] as const);
    return Object.fromEntries(clean) as unknown as Outcome;
  }
}
