/** The faults of a simulation: each strikes with a probability, and counts how often it did. */
export const FAULTS = [
  'scale-lost', // the scale call never arrived
  'scale-answer-lost', // it was applied, and its answer lost
  'scale-refused', // 5xx after all retries
  'observe-failed',
  'observe-stale', // the state of a while ago
  'never-starts', // the replica is scheduled and never listens
  'zombie', // a terminating replica goes on answering for a while
  'send-lost', // POST /run never arrived
  'send-answer-lost', // the agent has the job, the answer was lost
  'busy', // 429 for a while
  'webhook-lost',
  'webhook-twice',
  'agent-error',
  'agent-crash', // the process dies mid-job and is restarted by its platform
  'agent-hangs', // works past its timeout without a word
  'hint-lost',
  'store-failed', // a commit fails before it took effect
  'orchestrator-killed',
] as const;
export type Fault = (typeof FAULTS)[number];

export class Faults {
  readonly hits = new Map<Fault, number>();
  private on = true;

  constructor(
    private readonly random: () => number,
    private readonly rate: (fault: Fault) => number,
  ) {}

  strikes(fault: Fault): boolean {
    if (!this.on || this.random() >= this.rate(fault)) return false;
    this.hits.set(fault, (this.hits.get(fault) ?? 0) + 1);
    return true;
  }

  off(): void {
    this.on = false;
  }
}
