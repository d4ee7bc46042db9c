/** Keeps the apps' output bounded: a log that is too long becomes the older one, and begins again. */
import { copyFile, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

const LOOK_MS = 5_000;

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

/** @returns what ends it */
export function keepLogsBounded(
  folder: string,
  maxBytes: number,
  onError: (error: unknown) => void,
): () => void {
  const timer = setInterval(() => {
    rotateLogs(folder, maxBytes).catch(onError);
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
