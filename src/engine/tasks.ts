import type { Log } from './ports';

/**
 * Work that nobody awaits, kept track of: errors are logged (the sweeper repairs what they left
 * undone), and a stopping process can wait for it.
 */
export class Tasks {
  private readonly running = new Set<Promise<void>>();

  constructor(private readonly log: Log) {}

  /** @param about what it is for, for the log: `run`, `step`, `capsule` */
  spawn(name: string, task: () => Promise<unknown>, about: Readonly<Record<string, string>> = {}): void {
    const promise: Promise<void> = task()
      .then(
        () => undefined,
        (error: unknown) =>
          this.log.error(
            { err: error, task: name, ...about },
            `${name} failed; the sweeper will take it up again`,
          ),
      )
      .finally(() => this.running.delete(promise));
    this.running.add(promise);
  }

  get size(): number {
    return this.running.size;
  }

  /** Resolves once nothing runs any more, including what running tasks start. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }
}

/** Runs tasks of one key one after the other, and those of different keys side by side. */
export class KeyedMutex {
  private readonly tails = new Map<string, Promise<unknown>>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key) ?? Promise.resolve();
    const mine = before.then(task, task);
    const tail = mine.catch(() => undefined);
    this.tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    }
  }
}
