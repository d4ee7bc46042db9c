/**
 * Does something for each key in rounds, one at a time. Who asks while a round is under way shares the next one, which
 * sees all that was true when they asked: of a hundred who ask at once all but the first share one round.
 */
export class Rounds {
  private readonly rounds = new Map<string, { now: Promise<void>; next?: Promise<void> }>();

  /** @returns the end of a round that begins at once or later, with what its task throws */
  run(key: string, task: () => Promise<void>): Promise<void> {
    const round = this.rounds.get(key);
    if (!round) return this.begin(key, task);
    const next = (): Promise<void> => this.begin(key, task);
    round.next ??= round.now.then(next, next);
    return round.next;
  }

  private begin(key: string, task: () => Promise<void>): Promise<void> {
    const round: { now: Promise<void>; next?: Promise<void> } = { now: task() };
    this.rounds.set(key, round);
    const end = (): void => {
      if (!round.next) this.rounds.delete(key);
    };
    round.now.then(end, end);
    return round.now;
  }
}
