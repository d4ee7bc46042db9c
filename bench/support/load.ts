/** Bounded load: so many workflows in all, so many of them under way at once. */
export interface Load {
  count: number;
  concurrency: number;
}

export interface LoadResult {
  count: number;
  elapsedMs: number;
}

/** Runs `one` until `count` are done, always `concurrency` of them under way. Rejects with the first failure. */
export async function keepInFlight(
  { count, concurrency }: Load,
  one: () => Promise<void>,
): Promise<LoadResult> {
  const begin = performance.now();
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return { count, elapsedMs: performance.now() - begin };
}
