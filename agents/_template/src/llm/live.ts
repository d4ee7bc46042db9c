/** Asks the providers of the list, one after the other, until one answers. */
import { setTimeout as pause } from 'node:timers/promises';
import { askAnthropic, type AnthropicModule } from './anthropic';
import type { LlmConfig, Target } from './config';
import { LlmFailure, ProviderError } from './failure';
import { askOpenai } from './openai';
import { costOf, priceOf } from './prices';
import type { Answer, Completion, LlmContext, LlmLimits, LlmRequest, LlmUsage, Source } from './types';

const LONGEST_PAUSE_MS = 60_000;

export interface Live {
  config: LlmConfig;
  ctx: LlmContext;
  limits: LlmLimits;
  anthropic: (() => Promise<AnthropicModule>) | undefined;
  /** Aborts with the job, and when the question has taken too long in all. */
  signal: AbortSignal;
  redact: (text: string) => string;
}

/** A source that remembers, for the repair of an answer, who gave it, and which keys were refused. */
export function liveSource(live: Live): Source {
  const { config, ctx, limits, signal } = live;
  let targets = [...config.targets];
  return async (request) => {
    const failures: string[] = [];
    let askedMs = 0;
    for (let round = 1; round <= limits.rounds && targets.length > 0; round++) {
      if (round > 1) await pause(pauseBefore(round, limits, askedMs), undefined, { signal });
      askedMs = 0;
      for (const target of [...targets]) {
        try {
          const answer = await tryOne(live, target, request);
          targets = [target, ...targets.filter((other) => other !== target)];
          return answer;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof ProviderError)) throw error;
          const reason = note(live, target, request, error);
          failures.push(reason);
          if (error.blame === 'asker') throw new LlmFailure('configuration', reason, { cause: error });
          if (error.blame === 'key') targets = targets.filter((other) => other !== target);
          askedMs = Math.max(askedMs, error.retryAfterMs ?? 0);
        }
      }
    }
    const kind = targets.length === 0 ? 'configuration' : 'unavailable';
    const advice = kind === 'configuration' ? 'check the keys' : 'try again later';
    ctx.log('llm gave up', { ask: request.name, failures });
    throw new LlmFailure(kind, `no provider answered (${advice}): ${[...new Set(failures)].join('; ')}`);
  };
}

/** Exponential with jitter, and at least what the last round's providers asked for. */
function pauseBefore(round: number, { pauseMs }: LlmLimits, askedMs: number): number {
  const ownMs = pauseMs * 2 ** (round - 2) * (0.75 + Math.random() / 2);
  return Math.min(Math.max(ownMs, askedMs), LONGEST_PAUSE_MS);
}

/** One request to one provider: recorded as a tool call where the context knows those, and in the usage. */
async function tryOne(live: Live, target: Target, request: LlmRequest): Promise<Answer> {
  const { ctx, config } = live;
  let completion: Completion | undefined;
  const run = async (): Promise<object> => {
    completion = await send(live, target, request);
    return { stop: completion.stop, model: completion.model, tokens: completion.tokens };
  };
  const params = { ask: request.name, provider: target.provider, model: target.model };
  await (ctx.tool ? ctx.tool('llm', params, run) : run());
  if (!completion) throw new Error('llm: ctx.tool did not run its function');
  const { text, stop, tokens } = completion;
  // An alias answers under another name; readConfig has seen to it that what was asked for has a price.
  const price =
    priceOf(target.family, completion.model, config.prices) ??
    priceOf(target.family, target.model, config.prices);
  if (!price) throw new Error(`llm: no price for ${target.model}`);
  const usage: LlmUsage = {
    provider: target.provider,
    model: completion.model,
    inputTokens: tokens.input,
    outputTokens: tokens.output,
    ...(tokens.cacheRead > 0 && { cacheReadTokens: tokens.cacheRead }),
    costUsd: costOf(tokens, price),
  };
  ctx.usage(usage);
  return { text: live.redact(text), stop, usage };
}

async function send(live: Live, target: Target, request: LlmRequest): Promise<Completion> {
  const { limits, redact } = live;
  const late = AbortSignal.timeout(limits.tryMs);
  const signal = AbortSignal.any([live.signal, late]);
  try {
    return target.family === 'anthropic'
      ? await askAnthropic(live.anthropic, target, request, { signal, timeoutMs: limits.tryMs })
      : await askOpenai(target, request, signal);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const message = late.aborted ? `no answer within ${limits.tryMs / 1000} s` : redact(error.message);
    // Without its cause, which may quote headers.
    throw new ProviderError(error.blame, message, error.retryAfterMs);
  }
}

/** Leaves a try that failed where an operator looks: the log, and the usage with no tokens. */
function note({ ctx }: Live, target: Target, { name }: LlmRequest, error: ProviderError): string {
  const { provider, model, keyVariable } = target;
  const reason = `${provider}:${model}: ${error.message}${error.blame === 'key' ? ` (key from ${keyVariable})` : ''}`;
  ctx.log('llm try failed', { ask: name, provider, model, key: keyVariable, reason: error.message });
  ctx.usage({ provider, model, inputTokens: 0, outputTokens: 0, costUsd: 0 });
  return reason;
}
