/** A task, and what it is about: named where it fails. */
export type Part = readonly [name: string, task: () => Promise<unknown>];

/**
 * One after the other, and each has its turn whatever became of those before it: what fails now would fail again
 * in the next pass, and keep the rest from its turn for ever.
 * @throws AggregateError that names the ones which failed, when all had their turn
 */
export async function severally(parts: readonly Part[]): Promise<void> {
  const errors: unknown[] = [];
  const told: string[] = [];
  for (const [name, task] of parts) {
    try {
      await task();
    } catch (error) {
      errors.push(error);
      told.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, told.join('; '));
}
