/**
 * Asks a language model for data of a given shape. Optional: an agent that asks none deletes this folder.
 * docs/llm.md tells how to use it; `.env.example` of an agent that does names its variables.
 */
import { readConfig, type LlmConfig, type LlmMode } from './config';
import { fakeSource } from './fake';
import { LlmFailure } from './failure';
import { liveSource } from './live';
import { recordSource, replaySource } from './recordings';
import { checkAnswer, jsonSchema, wireSchema } from './schema';
import type {
  AskOptions,
  Asked,
  JsonSchema,
  LlmLimits,
  LlmOptions,
  LlmRequest,
  LlmUsage,
  Source,
} from './types';

export { LlmFailure, type LlmFailureKind } from './failure';
export { DEFAULT_PROVIDERS, type LlmMode } from './config';
export { PRICES } from './prices';
export type { AskOptions, Asked, LlmContext, LlmLimits, LlmOptions, LlmUsage, Message } from './types';

export const DEFAULT_LIMITS: LlmLimits = { tryMs: 180_000, totalMs: 600_000, rounds: 3, pauseMs: 1000 };
const NAME = /^[\w-]{1,60}$/;

export interface Llm {
  /** Why nothing can be asked, in a sentence that names the variable; undefined when all is well. */
  readonly problem: string | undefined;
  /** Undefined while `problem` is about LLM_MODE itself. */
  readonly mode: LlmMode | undefined;
  /**
   * Asks, checks the answer by the schema, and has it repaired once if it does not fit.
   * @throws LlmFailure of the kind that tells what to do; the job's own reason when its signal aborts
   */
  ask<T>(options: AskOptions<T>): Promise<Asked<T>>;
}

/** Reads the environment once; a mistake there shows in `problem`, and fails the first `ask`. */
export function createLlm(options: LlmOptions): Llm {
  const env = options.env ?? process.env;
  const read = (instead?: string): LlmConfig => {
    const config = readConfig(env, instead);
    const needsKey = config.mode === 'live' || config.mode === 'record';
    if (needsKey && config.targets.length === 0)
      throw new LlmFailure('configuration', config.leftOut.join(', ') || 'LLM_PROVIDERS names no provider');
    return config;
  };
  let config: LlmConfig | undefined;
  let problem: string | undefined;
  try {
    config = read();
  } catch (error) {
    problem = (error as Error).message;
  }
  if (config && config.mode !== 'fake' && config.mode !== 'replay' && config.leftOut.length > 0)
    options.ctx.log('llm providers left out', { reasons: config.leftOut });
  return {
    problem,
    mode: config?.mode,
    ask: async (question) =>
      ask(question, question.model || !config ? read(question.model) : config, options, env),
  };
}

async function ask<T>(
  question: AskOptions<T>,
  config: LlmConfig,
  options: LlmOptions,
  env: NodeJS.ProcessEnv,
): Promise<Asked<T>> {
  const full = jsonSchema(question.schema);
  const request = requestOf(question, wireSchema(full));
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const late = AbortSignal.timeout(limits.totalMs);
  const signal = AbortSignal.any([options.ctx.signal, late]);
  const source = sourceOf(config, { options, limits, env, full, signal });
  try {
    return await withRepair(request, question, source, options);
  } catch (error) {
    options.ctx.signal.throwIfAborted();
    if (!late.aborted) throw error;
    throw new LlmFailure(
      'unavailable',
      `${question.name}: no answer within ${limits.totalMs / 1000} s in all`,
    );
  }
}

function requestOf<T>(question: AskOptions<T>, schema: JsonSchema): LlmRequest {
  const { name, system, prompt, maxTokens, temperature, model } = question;
  const wrong = (message: string): LlmFailure => new LlmFailure('configuration', message);
  if (!NAME.test(name)) throw wrong(`name: must be 1 to 60 letters, digits, - and _, not "${name}"`);
  const messages = question.messages ?? (prompt ? [{ role: 'user' as const, content: prompt }] : []);
  if (messages.at(-1)?.role !== 'user')
    throw wrong(`${name}: needs a prompt, or messages that end with the user's`);
  if (question.messages && prompt) throw wrong(`${name}: takes a prompt or messages, not both`);
  return {
    name,
    ...(system !== undefined && { system }),
    messages,
    schema,
    maxTokens,
    ...(temperature !== undefined && { temperature }),
    ...(model !== undefined && { model }),
  };
}

interface Surroundings {
  options: LlmOptions;
  limits: LlmLimits;
  env: NodeJS.ProcessEnv;
  full: JsonSchema;
  signal: AbortSignal;
}

function sourceOf(config: LlmConfig, { options, limits, env, full, signal }: Surroundings): Source {
  const { ctx, anthropic } = options;
  const report =
    (source: Source): Source =>
    async (request) => {
      const answer = await source(request);
      ctx.usage(answer.usage);
      return answer;
    };
  if (config.mode === 'fake') return report(fakeSource(full));
  if (config.mode === 'replay') return report(replaySource(config, env));
  const secrets = config.targets.flatMap(({ key }) => key ?? []);
  const redact = (text: string): string =>
    secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text);
  const live = liveSource({ config, ctx, limits, anthropic, signal, redact });
  return config.mode === 'live' ? live : recordSource(live, config.recordings, redact);
}

/** The first answer and, if it does not fit, a second one that was told why. */
async function withRepair<T>(
  request: LlmRequest,
  { name, schema, maxTokens }: AskOptions<T>,
  source: Source,
  { ctx }: LlmOptions,
): Promise<Asked<T>> {
  let { messages } = request;
  let issues: string[] = [];
  for (const repaired of [false, true]) {
    const { text, stop, usage } = await source({ ...request, messages });
    if (stop === 'refused') throw new LlmFailure('refused', `${name}: ${who(usage)} declined to answer`);
    if (stop === 'truncated')
      throw new LlmFailure(
        'truncated',
        `${name}: ${who(usage)} was cut off at maxTokens (${maxTokens}); raise it`,
      );
    const checked = checkAnswer(text, schema);
    if ('output' in checked) return { output: checked.output, provider: usage.provider, model: usage.model };
    ({ issues } = checked);
    ctx.log('llm answer does not fit', {
      ask: name,
      provider: usage.provider,
      model: usage.model,
      repaired,
      issues,
    });
    const mend = `That answer does not fit:\n${issues.map((issue) => `- ${issue}`).join('\n')}\nAnswer again with the whole JSON, mended.`;
    messages = [
      ...messages,
      { role: 'assistant', content: text || '(nothing)' },
      { role: 'user', content: mend },
    ];
  }
  throw new LlmFailure('schema', `${name}: the answer does not fit, not even repaired: ${issues.join('; ')}`);
}

function who({ provider, model }: LlmUsage): string {
  return `${provider}:${model}`;
}
