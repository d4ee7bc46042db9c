/** The faults of a simulation: each strikes with a probability, and counts how often it did. */
export const FAULTS = [
  // The platform.
  'scale-lost', // the scale call never arrived
  'scale-answer-lost', // it was applied, and its answer lost
  'scale-refused', // 5xx after all retries
  'scale-twice', // it is applied, and seconds later once more
  'observe-failed',
  'observe-stale', // the state of a while ago
  'never-starts', // the replica is scheduled and never listens
  'zombie', // a terminating replica goes on answering for a while
  // The agents.
  'probe-lost', // nothing comes back, although it listens
  'probe-not-ready', // it listens and is not ready yet
  'send-lost', // POST /run never arrived
  'send-answer-lost', // the agent has the job, the answer was lost
  'busy', // 429 for a while
  'status-lost',
  'cancel-lost',
  'webhook-lost',
  'webhook-twice',
  'agent-error',
  'agent-crash', // the process dies mid-job and is restarted by its platform
  'agent-hangs', // works past its timeout without a word
  // The queue.
  'hint-lost',
  'hint-twice',
  'hint-late', // up to a minute
  'hint-failed', // the queue's server is away
  'tick-lost', // the queue forgets to tell of a scheduled time
  'tick-twice',
  // The store.
  'store-failed', // a call fails before it took effect
  'store-answer-lost', // it took effect, and its caller saw a time-out
  'store-slow', // seconds, before or after it took effect
  // The orchestrators.
  'orchestrator-killed',
  'orchestrator-paused', // frozen for minutes, past every claim it holds; then goes on with what it knew
  'clock-ahead', // its clock jumps forward
  'clock-behind', // or back
] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultBounds {
  /** Kinds that do not strike. */
  without?: readonly Fault[] | undefined;
  /** Only the first so many strikes happen. */
  strikes?: number | undefined;
}

export class Faults {
  readonly hits = new Map<Fault, number>();
  /** Told of each strike. */
  onStrike: (fault: Fault, strike: number) => void = () => undefined;
  private on = true;
  private held = false;
  private count = 0;
  private readonly without: ReadonlySet<Fault>;
  private readonly most: number;

  constructor(
    private readonly random: () => number,
    private readonly rate: (fault: Fault) => number,
    { without = [], strikes = Infinity }: FaultBounds = {},
  ) {
    this.without = new Set(without);
    this.most = strikes;
  }

  strikes(fault: Fault): boolean {
    if (!this.on || this.held) return false;
    // Drawn even for what is left out, so that leaving one out changes the others as little as can be.
    const struck = this.random() < this.rate(fault);
    if (!struck || this.without.has(fault) || this.count >= this.most) return false;
    this.count += 1;
    this.hits.set(fault, (this.hits.get(fault) ?? 0) + 1);
    this.onStrike(fault, this.count);
    return true;
  }

  /** Strikes so far. */
  get total(): number {
    return this.count;
  }

  /** Holds them off for a while. */
  hold(held: boolean): void {
    this.held = held;
  }

  off(): void {
    this.on = false;
  }
}
