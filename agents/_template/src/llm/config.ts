/** Reads the LLM variables. Every mistake names its variable and what to write instead. */
import * as z from 'zod';
import { LlmFailure } from './failure';
import { priceOf, type Price } from './prices';

const MODES = ['live', 'record', 'replay', 'fake'] as const;
export type LlmMode = (typeof MODES)[number];

/** Used when LLM_PROVIDERS is not set. */
export const DEFAULT_PROVIDERS = 'anthropic:claude-sonnet-5-5';

const HOME = { anthropic: 'https://api.anthropic.com', openai: 'https://api.openai.com/v1' };
const KEY = { anthropic: 'ANTHROPIC_API_KEY', openai: 'OPENAI_API_KEY' };

/** One entry of LLM_PROVIDERS. */
export interface Target {
  family: 'anthropic' | 'openai';
  /** How the endpoint is told about the schema; `openai-json` is for those that know no JSON schema. */
  format: 'schema' | 'json';
  model: string;
  /** Without a slash at its end. */
  baseUrl: string;
  /** As in the usage: the family, with the host where that is not the family's own. */
  provider: string;
  keyVariable?: string;
  key?: string;
}

export interface LlmConfig {
  mode: LlmMode;
  /** Folder of the recordings, relative to the working directory. */
  recordings: string;
  /** Those that can be used, in order. */
  targets: Target[];
  /** Why the others cannot. */
  leftOut: string[];
  prices: Readonly<Record<string, Price>>;
}

const wrong = (message: string): LlmFailure => new LlmFailure('configuration', message);

const ENTRY =
  /^(anthropic|openai|openai-json):((?:(?!@https?:)[^\s,#])+)(?:@(https?:\/\/[^\s,#@?]+))?(?:#([A-Z][A-Z0-9_]*))?$/;

/**
 * `family:model[@address][#KEY_VARIABLE]`. An address of its own never gets a key that was not named for it.
 * Messages count entries rather than quote them: somebody may have put a key where its variable belongs.
 */
function readTarget(entry: string, env: NodeJS.ProcessEnv, where: string): Target {
  const [, kind, model, address, named] = ENTRY.exec(entry) ?? [];
  if (!kind || !model || (address && !URL.canParse(address)))
    throw wrong(
      `${where} must be anthropic:MODEL, openai:MODEL or openai-json:MODEL, each with an optional @https://ADDRESS (no password, no query) and #KEY_VARIABLE`,
    );
  const family = kind === 'anthropic' ? kind : 'openai';
  if (family === 'anthropic' && address && !named)
    throw wrong(`${where} must end in the variable with the key for that address, as in #${KEY.anthropic}`);
  const keyVariable = named ?? (address ? undefined : KEY[family]);
  const usual = family === 'anthropic' ? env.ANTHROPIC_API_KEY : env.OPENAI_API_KEY;
  const key = keyVariable === KEY[family] ? usual : keyVariable && env[keyVariable];
  return {
    family,
    format: kind === 'openai-json' ? 'json' : 'schema',
    model,
    baseUrl: (address ?? HOME[family]).replace(/\/+$/, ''),
    provider: address ? `${family}@${new URL(address).host}` : family,
    ...(keyVariable && { keyVariable }),
    ...(key && { key }),
  };
}

const Rate = z.number().nonnegative();
const OwnPrices = z.record(
  z.templateLiteral([z.enum(['anthropic', 'openai']), ':', z.string().min(1)]),
  z
    .strictObject({ input: Rate, output: Rate, cacheRead: Rate.optional(), cacheWrite: Rate.optional() })
    .transform(({ input, output, cacheRead = input, cacheWrite = input }) => ({
      input,
      output,
      cacheRead,
      cacheWrite,
    })),
);

function readPrices(text: string | undefined): LlmConfig['prices'] {
  if (!text) return {};
  const example = '{"openai:my-model":{"input":0.5,"output":1.5}}';
  try {
    return OwnPrices.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : 'not JSON';
    throw wrong(`LLM_PRICES: US dollars per million tokens, as in ${example}: ${why}`);
  }
}

/** @param instead a list of providers in place of LLM_PROVIDERS  @throws LlmFailure of kind `configuration` */
export function readConfig(env: NodeJS.ProcessEnv, instead?: string): LlmConfig {
  const mode = MODES.find((known) => known === (env.LLM_MODE || 'live'));
  if (!mode) throw wrong(`LLM_MODE: must be ${MODES.join(', ')}, not "${env.LLM_MODE}"`);
  const where = instead ? 'model' : 'LLM_PROVIDERS';
  const entries = (instead ?? (env.LLM_PROVIDERS || DEFAULT_PROVIDERS)).split(',').map((one) => one.trim());
  const all = entries
    .filter(Boolean)
    .map((entry, index) => readTarget(entry, env, `${where}: entry ${index + 1}`));
  const prices = readPrices(env.LLM_PRICES);
  const spends = mode === 'live' || mode === 'record';
  const unpriced = all.find(({ family, model }) => !priceOf(family, model, prices));
  if (spends && unpriced)
    throw wrong(
      `no price is known for ${unpriced.family}:${unpriced.model}: set LLM_PRICES={"${unpriced.family}:${unpriced.model}":{"input":…,"output":…}} in US dollars per million tokens (0 for a model of your own)`,
    );
  // Without a key an address of its own may do, which is how servers of one's own are reached.
  const lacking = all.filter(({ key, keyVariable }) => keyVariable && !key);
  return {
    mode,
    recordings: env.LLM_RECORDINGS || 'recordings',
    targets: all.filter((target) => !lacking.includes(target)),
    leftOut: lacking.map(({ keyVariable }) => `${keyVariable} is not set`),
    prices,
  };
}
