import type { Clock } from './ports';
import type { Tasks } from './tasks';

/** Tasks at a time, one by key. They only make punctual what a pass would find as well. */
export class Timers {
  private readonly pending = new Map<string, () => void>();

  constructor(
    private readonly clock: Clock,
    private readonly tasks: Tasks,
  ) {}

  /** Runs a task at a time (epoch milliseconds), or now if that is past; takes the place of what the key had. */
  set(key: string, at: number, name: string, task: () => Promise<unknown>): void {
    this.cancel(key);
    const cancel = this.clock.after(Math.max(0, at - this.clock.now()), () => {
      this.pending.delete(key);
      this.tasks.spawn(name, task);
    });
    this.pending.set(key, cancel);
  }

  cancel(key: string): void {
    this.pending.get(key)?.();
    this.pending.delete(key);
  }

  clear(): void {
    for (const key of [...this.pending.keys()]) this.cancel(key);
  }
}
