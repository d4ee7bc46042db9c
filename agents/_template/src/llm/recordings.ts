/** Keeps answers in files and gives them back: one readable file per request, named by a hash of it. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import * as z from 'zod';
import type { LlmConfig } from './config';
import { LlmFailure } from './failure';
import type { Answer, LlmRequest, Source } from './types';

const HASH_CHARS = 16;

const Recording = z.object({
  recordedAt: z.string(),
  answer: z.object({
    text: z.string(),
    stop: z.enum(['end', 'truncated', 'refused']),
    usage: z.object({
      provider: z.string(),
      model: z.string(),
      inputTokens: z.number(),
      outputTokens: z.number(),
      cacheReadTokens: z.number().optional(),
      costUsd: z.number(),
    }),
  }),
});

/** The same request gives the same name, whatever the order of its keys; a key or a secret is no part of it. */
export function recordingName(request: LlmRequest): string {
  const hash = createHash('sha256').update(canonical(request)).digest('hex').slice(0, HASH_CHARS);
  return `${request.name}-${hash}.json`;
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

/** Asks `live` and keeps what it answers, after `redact` went over the file. */
export function recordSource(live: Source, folder: string, redact: (text: string) => string): Source {
  return async (request) => {
    const answer = await live(request);
    const file = join(folder, recordingName(request));
    const text = JSON.stringify({ recordedAt: new Date().toISOString(), request, answer }, null, 2);
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.${process.pid}`, `${redact(text)}\n`);
    await rename(`${file}.${process.pid}`, file); // nobody ever reads half a file
    return answer;
  };
}

/** Answers from the files alone. What is replayed was paid before: its provider is `replay`, its cost 0. */
export function replaySource(config: LlmConfig, env: NodeJS.ProcessEnv): Source {
  return async (request) => {
    const file = join(config.recordings, recordingName(request));
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      throw new LlmFailure('no-recording', `no recording at ${file}; make it with: ${command(config, env)}`);
    });
    const { stop, usage, text: said } = parse(text, file);
    return { text: said, stop, usage: { ...usage, provider: 'replay', costUsd: 0 } };
  };
}

function parse(text: string, file: string): Answer {
  try {
    const { usage, ...answer } = Recording.parse(JSON.parse(text)).answer;
    const { cacheReadTokens, ...rest } = usage;
    return { ...answer, usage: { ...rest, ...(cacheReadTokens !== undefined && { cacheReadTokens }) } };
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new LlmFailure('no-recording', `${file}: not a recording: ${why}; delete it and record it anew`);
  }
}

/** What was run, run again so that it records; with a place for each key that is missing. */
function command({ recordings, leftOut }: LlmConfig, env: NodeJS.ProcessEnv): string {
  const [node = 'node', script, ...rest] = process.argv;
  const variables = [
    'LLM_MODE=record',
    ...(env.LLM_RECORDINGS ? [`LLM_RECORDINGS=${quoted(recordings)}`] : []),
    ...leftOut.map((sentence) => `${sentence.split(' ')[0]}=YOUR_KEY`),
  ];
  const program = script ? [relative(process.cwd(), script) || script] : [];
  const words = [node.replace(/^.*[\\/]/, ''), ...process.execArgv, ...program, ...rest];
  return [...variables, ...words.map(quoted)].join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
