/** What has to be undone, last things first; each is tried, whatever the others do. */
export class Cleanup {
  private readonly steps: Array<() => Promise<unknown>> = [];

  add<T>(thing: T, undo: (thing: T) => Promise<unknown>): T {
    this.steps.unshift(() => undo(thing));
    return thing;
  }

  /** @throws AggregateError when something could not be undone */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.steps.splice(0)) await step().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'clean up after a figure');
  }
}
