/** Events that may wait a moment, to be committed with the next event of the same run. */
import type { RunEvent } from '../domain/decide-run';
import type { Clock } from './ports';

interface Entry {
  event: RunEvent;
  cancel: () => void;
}

export class Deferred {
  private readonly byRun = new Map<string, Entry[]>();

  constructor(
    private readonly clock: Clock,
    /** Called with an event that no other came for in time. */
    private readonly onDue: (id: string, event: RunEvent) => void,
  ) {}

  add(id: string, event: RunEvent, delayMs: number): void {
    const cancel = this.clock.after(delayMs, () => {
      const mine = this.byRun.get(id)?.find((d) => d.cancel === cancel);
      if (!mine) return;
      this.remove(id, [mine]);
      this.onDue(id, event);
    });
    this.byRun.set(id, [...(this.byRun.get(id) ?? []), { event, cancel }]);
  }

  /** Takes out everything that was deferred for a run, oldest first. */
  take(id: string): RunEvent[] {
    const taken = this.byRun.get(id);
    if (!taken) return [];
    this.remove(id, taken);
    return taken.map((d) => d.event);
  }

  drop(): void {
    for (const id of [...this.byRun.keys()]) this.take(id);
  }

  private remove(id: string, entries: readonly Entry[]): void {
    const left = (this.byRun.get(id) ?? []).filter((d) => !entries.includes(d));
    if (left.length > 0) this.byRun.set(id, left);
    else this.byRun.delete(id);
    for (const { cancel } of entries) cancel();
  }
}
