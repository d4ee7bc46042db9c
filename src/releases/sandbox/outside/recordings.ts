/** The answers that are recorded of what is outside: one file for each request, beside the agent's evaluations. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EVALS } from '../../evals/read';
import { hashOf, Recording } from './calls';

/** From the agent's folder. */
export const OUTSIDE = `${EVALS}/outside`;
const MAX_RECORDINGS = 1_000;
/** Digits of the request's hash that name its file. */
const NAMED_BY = 16;

/** @throws Error that names the file that cannot be read */
export async function readRecordings(folder: string): Promise<Recording[]> {
  const names = await readdir(join(folder, OUTSIDE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith('.json')).sort();
  if (files.length > MAX_RECORDINGS)
    throw new Error(
      `${OUTSIDE} holds ${files.length} recordings, more than ${MAX_RECORDINGS}: remove old ones`,
    );
  const all: Recording[] = [];
  for (const name of files) all.push(await readRecording(folder, join(OUTSIDE, name)));
  return all;
}

async function readRecording(folder: string, path: string): Promise<Recording> {
  const text = await readFile(join(folder, path), 'utf8');
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is no JSON: record it anew`, { cause });
  }
  const parsed = Recording.safeParse(data);
  if (!parsed.success) throw new Error(`${path} is no recording: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export async function writeRecordings(folder: string, recordings: readonly Recording[]): Promise<void> {
  if (recordings.length > 0) await mkdir(join(folder, OUTSIDE), { recursive: true });
  for (const recording of recordings) {
    const name = `${hashOf(recording.request).slice(0, NAMED_BY)}.json`;
    await writeFile(join(folder, OUTSIDE, name), `${JSON.stringify(recording, undefined, 2)}\n`);
  }
}
