/** Time that passes only when told to, running what falls due in order. */
export class VirtualClock {
  now = 0;
  private tasks: { at: number; task: () => void }[] = [];

  schedule(ms: number, task: () => void): void {
    this.tasks.push({ at: this.now + ms, task });
  }

  async advance(ms: number): Promise<void> {
    // What was called just before gets to schedule its part first.
    await new Promise((resolve) => setImmediate(resolve));
    const until = this.now + ms;
    for (let next = this.due(until); next; next = this.due(until)) {
      this.now = next.at;
      next.task();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.now = until;
    await new Promise((resolve) => setImmediate(resolve));
  }

  private due(until: number): { at: number; task: () => void } | undefined {
    this.tasks.sort((a, b) => a.at - b.at);
    return this.tasks[0] && this.tasks[0].at <= until ? this.tasks.shift() : undefined;
  }
}
