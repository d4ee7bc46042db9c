/** The environment of an agent under validation: what its `.env.example` documents, with values that open nothing. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'dotenv';

/** What any program needs to be found and to run. */
const INHERITED = ['PATH', 'HOME', 'TZ', 'LANG'];
const SECRET = /(^|_)(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$/;
/** How models are asked, as `src/llm` of the scaffold reads it from LLM_MODE. */
export const LLM_MODES = ['replay', 'live', 'record', 'fake'] as const;
export type LlmMode = (typeof LLM_MODES)[number];

/** How calls to what is outside are answered: from their records, or for real, to be recorded. */
export const OUTSIDE_MODES = ['replay', 'record'] as const;
export type OutsideMode = (typeof OUTSIDE_MODES)[number];

export interface AgentEnvironment {
  env: Record<string, string>;
  /** What it signs with, where it signs. */
  secret?: string;
  /** Values that may not be shown. */
  secrets: string[];
  /** Values that open something, real or made up, with the names of their variables. */
  named: Array<[value: string, name: string]>;
}

interface Wish {
  folder: string;
  llm: LlmMode;
  /** Whether what is outside is really asked. */
  outside?: OutsideMode;
  /** Where its recorded answers are. */
  recordings: string;
  /** Of `agent.check.json`: what the author gives. */
  given?: Record<string, string>;
  from: NodeJS.ProcessEnv;
}

/**
 * Where anything is asked for real, the variables that `.env.example` names are taken from `from`; else nothing of it is.
 * @throws Error that names the file when it cannot be read
 */
export async function agentEnvironment(wish: Wish): Promise<AgentEnvironment> {
  const { folder, llm, outside, recordings, given = {}, from } = wish;
  const documented = await examples(folder);
  const isReal = llm === 'live' || llm === 'record' || outside === 'record';
  const env: Record<string, string> = {};
  const secrets: string[] = [];
  for (const name of INHERITED) if (from[name] !== undefined) env[name] = from[name];
  for (const [name, example] of Object.entries(documented)) {
    const real = isReal ? from[name] : undefined;
    const value = real ?? (example !== '' ? example : fake(name));
    if (value !== undefined) env[name] = value;
    if (real !== undefined && real !== '' && SECRET.test(name)) secrets.push(real);
  }
  // Also where nothing documents them: without, an agent that asks a model would ask it live.
  Object.assign(env, { LLM_MODE: llm, LLM_RECORDINGS: recordings });
  if ('AGENT_MODE' in documented) env['AGENT_MODE'] = 'api';
  Object.assign(env, given);
  const secret = env['AGENT_SECRET'];
  const named = Object.entries(env).flatMap(([name, value]): Array<[string, string]> =>
    SECRET.test(name) && value !== '' ? [[value, name]] : [],
  );
  return { env, secrets, named, ...(secret !== undefined && secret !== '' && { secret }) };
}

/**
 * Made up anew each time, also the keys of models: an agent that finds none may go another way than in production. A
 * variable that is no secret stays unset, as its empty example has it.
 */
const fake = (name: string): string | undefined =>
  SECRET.test(name) ? `sandbox-${randomBytes(24).toString('hex')}` : undefined;

async function examples(folder: string): Promise<Record<string, string>> {
  const path = join(folder, '.env.example');
  try {
    return parse(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
