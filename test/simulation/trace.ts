/** What happened in a simulation, a line each, for people. */
import type { Faults } from './faults';
import type { Invariants } from './invariants';

export class Trace {
  readonly lines: string[] = [];
  private readonly start: number;

  constructor(
    private readonly now: () => number,
    private readonly kept: boolean,
  ) {
    this.start = now();
  }

  /** Keeps every fault and every entry of the ledger. */
  follow(faults: Faults, invariants: Invariants): void {
    if (!this.kept) return;
    faults.onStrike = (fault, strike) => this.add(`fault ${strike}: ${fault}`);
    invariants.onViolation = (violation) => this.add(`VIOLATION: ${violation}`);
    invariants.onCommit = ({ ledger }) => {
      for (const { actor, action, entity, id, set, reason } of ledger) {
        const why = reason === undefined ? '' : `, ${reason}`;
        this.add(`${action} of ${entity} ${id} by ${actor}: ${JSON.stringify(set)}${why}`);
      }
    };
  }

  add(what: string): void {
    if (!this.kept) return;
    const seconds = ((this.now() - this.start) / 1_000).toFixed(3);
    this.lines.push(`${seconds.padStart(10)} s  ${what}`);
  }
}
