/** Names that were seen, the last of them: what is told more than once is counted once. */
export class Seen {
  private readonly names = new Set<string>();

  /** @param most how many are remembered */
  constructor(private readonly most: number) {}

  has(name: string): boolean {
    return this.names.has(name);
  }

  /** Whether it is seen for the first time. */
  first(name: string): boolean {
    if (this.names.has(name)) return false;
    this.names.add(name);
    const oldest = this.names.size > this.most ? this.names.values().next() : undefined;
    if (oldest && !oldest.done) this.names.delete(oldest.value);
    return true;
  }
}
