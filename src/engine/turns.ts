/** Lets so many of one kind be at something at once, and the others after them, in the order in which they came. */
export class Turns {
  private readonly taken = new Map<string, number>();
  private readonly lines = new Map<string, Array<() => void>>();

  /** @param most at once, of each kind */
  constructor(private readonly most: number) {}

  /** @param task is told whether it had to wait for its turn */
  async run<T>(kind: string, task: (hasWaited: boolean) => Promise<T>): Promise<T> {
    const turn = this.take(kind);
    if (turn) await turn;
    try {
      return await task(turn !== undefined);
    } finally {
      this.pass(kind);
    }
  }

  /** The turn to wait for, unless there is one at once. */
  private take(kind: string): Promise<void> | undefined {
    const taken = this.taken.get(kind) ?? 0;
    if (taken < this.most) {
      this.taken.set(kind, taken + 1);
      return undefined;
    }
    return new Promise((resolve) => {
      const line = this.lines.get(kind);
      if (line) line.push(resolve);
      else this.lines.set(kind, [resolve]);
    });
  }

  /** To the next in line, or back. */
  private pass(kind: string): void {
    const line = this.lines.get(kind);
    const next = line?.shift();
    if (line?.length === 0) this.lines.delete(kind);
    if (next) return next();
    const left = (this.taken.get(kind) ?? 1) - 1;
    if (left > 0) this.taken.set(kind, left);
    else this.taken.delete(kind);
  }
}
