/** Keeps the apps' output bounded: a log that is too long becomes the older one, and begins again. */
import { copyFile, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

const LOOK_MS = 5_000;
/** Of slots that are gone: what somebody may still want to read. */
const MAX_OLD_LOGS = 40;

/**
 * Once through the logs. They stay open in the apps, which append: the file is copied and emptied, and
 * what is written between the two is lost.
 * @returns how many were too long
 */
export async function rotateLogs(folder: string, maxBytes: number): Promise<number> {
  let rotated = 0;
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.log')) continue;
    const file = join(folder, name);
    if ((await stat(file)).size <= maxBytes) continue;
    await copyFile(file, `${file}.1`);
    await truncate(file);
    rotated += 1;
  }
  return rotated;
}

/** Deletes the oldest logs of slots that are gone; those of `kept` slots stay. @returns how many went */
export async function pruneLogs(
  folder: string,
  kept: readonly string[],
  max = MAX_OLD_LOGS,
): Promise<number> {
  const names = (await readdir(folder)).filter((name) => !kept.some((slot) => name.startsWith(`${slot}.`)));
  if (names.length <= max) return 0;
  const files = names.map((name) => join(folder, name));
  const dated = await Promise.all(files.map(async (file) => ({ file, at: (await stat(file)).mtimeMs })));
  const old = dated.sort((a, b) => b.at - a.at).slice(max);
  for (const { file } of old) await rm(file, { force: true });
  return old.length;
}

/** @returns what ends it */
export function keepLogsBounded(
  folder: string,
  maxBytes: number,
  kept: () => readonly string[],
  onError: (error: unknown) => void,
): () => void {
  const timer = setInterval(() => {
    rotateLogs(folder, maxBytes)
      .then(() => pruneLogs(folder, kept()))
      .catch(onError);
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
