import { Recent } from './recent';

/** Names that were seen, the last of them: what is told more than once is counted once. */
export class Seen {
  private readonly names: Recent<true>;

  /** @param most how many are remembered; never less than half as many */
  constructor(most: number) {
    this.names = new Recent(most);
  }

  has(name: string): boolean {
    return this.names.get(name) === true;
  }

  /** Whether it is seen for the first time. */
  first(name: string): boolean {
    if (this.has(name)) return false;
    this.names.set(name, true);
    return true;
  }
}
