/** Makes a failing simulation smaller: fewer hours, fewer runs, fewer kinds of faults, fewer faults. */
import { FAULTS, type Fault } from './faults';
import { simulate, type SimulationOptions, type SimulationReport } from './simulate';

export interface Shrunk {
  options: SimulationOptions;
  /** Of the smallest that still fails, with what happened in it. */
  report: SimulationReport;
  /** Simulations that were tried. */
  attempts: number;
}

/** Simulations tried for one failure, and how long that may take. */
const MAX_ATTEMPTS = 80;
const MAX_MS = 120_000;
const SHORTEST_HOURS = 0.25;
/** Parts of the rate that failed. */
const RARER = [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2];

/** What a violation is about, without the ids, names and figures in it. */
export const kindOf = (violation: string): string =>
  violation
    .replace(/^at \d+: /, '')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '#')
    .replace(/\d+/g, '#')
    .replace(/capsule-\w+/g, 'capsule');

/**
 * Looks for a smaller simulation that fails in the same way.
 * @param failing one that is known to fail
 * @param maxAttempts how many are tried at most; the best found until then is the answer
 * @param maxMs how long that may take, likewise
 */
export async function shrink(
  failing: SimulationOptions,
  maxAttempts = MAX_ATTEMPTS,
  maxMs = MAX_MS,
): Promise<Shrunk> {
  const shrinker = new Shrinker(failing, maxAttempts, maxMs);
  return shrinker.run();
}

class Shrinker {
  private best: SimulationOptions;
  private kind = '';
  private hits: Fault[] = [];
  private strikes = 0;
  private attempts = 0;
  private readonly deadline: number;

  constructor(
    failing: SimulationOptions,
    private readonly maxAttempts: number,
    maxMs: number,
  ) {
    this.deadline = Date.now() + maxMs;
    this.best = { ...failing, stopAtFirst: true };
  }

  async run(): Promise<Shrunk> {
    const first = await simulate(this.best);
    this.kind = kindOf(first.violations[0] ?? '');
    if (this.kind === '') throw new Error('cannot shrink a simulation that does not fail');
    this.note(first);
    await this.fewerHours();
    await this.fewerRuns();
    await this.fewerKinds();
    await this.rarerFaults();
    await this.fewerStrikes();
    const report = await simulate({ ...this.best, keepTrace: true });
    return { options: this.best, report, attempts: this.attempts };
  }

  /** Takes the options if the simulation still fails with them. */
  private async try(change: Partial<SimulationOptions>): Promise<boolean> {
    if (this.attempts >= this.maxAttempts || Date.now() > this.deadline) return false;
    this.attempts += 1;
    const options = { ...this.best, ...change };
    const report = await simulate(options);
    if (!report.violations.some((violation) => kindOf(violation) === this.kind)) return false;
    this.best = options;
    this.note(report);
    return true;
  }

  private note({ hits, strikes }: SimulationReport): void {
    this.hits = FAULTS.filter((fault) => (hits[fault] ?? 0) > 0);
    this.strikes = strikes;
  }

  private async fewerHours(): Promise<void> {
    while (this.best.hours / 2 >= SHORTEST_HOURS)
      if (!(await this.try({ hours: this.best.hours / 2 }))) break;
  }

  private async fewerRuns(): Promise<void> {
    while (this.best.runsPerHour > 1)
      if (!(await this.try({ runsPerHour: Math.ceil(this.best.runsPerHour / 2) }))) break;
  }

  /** All kinds at once, then each alone: most have nothing to do with it. */
  private async fewerKinds(): Promise<void> {
    if (await this.try({ without: [...FAULTS] })) return;
    for (const fault of this.hits) await this.try({ without: [...(this.best.without ?? []), fault] });
  }

  /** Faults that strike seldom: each rate is another story, so the rarest is tried first, and then all above it. */
  private async rarerFaults(): Promise<void> {
    const { faultRate } = this.best;
    for (const part of RARER) if (await this.try({ faultRate: faultRate * part })) return;
  }

  /** The shortest beginning of the faults that struck, by halving. */
  private async fewerStrikes(): Promise<void> {
    let tooFew = -1;
    while (this.strikes - tooFew > 1) {
      const middle = Math.floor((tooFew + this.strikes) / 2);
      const before = this.attempts;
      if (await this.try({ strikes: middle })) continue;
      if (this.attempts === before) return;
      tooFew = middle;
    }
  }
}

/** The command that repeats a simulation, with what happened in it. */
export function replayCommand(options: SimulationOptions): string {
  const { seed, hours, runsPerHour, faultRate, burst, cron, without, strikes, releases } = options;
  const flags = [
    `--seed ${seed} --seeds 1 --hours ${hours} --runs ${runsPerHour} --rate ${faultRate}`,
    ...(burst === undefined ? [] : [`--burst ${burst}`]),
    ...(cron === undefined ? [] : [`--cron '${cron}'`]),
    ...(without === undefined || without.length === 0 ? [] : [`--without ${without.join(',')}`]),
    ...(strikes === undefined ? [] : [`--strikes ${strikes}`]),
    ...(releases ? ['--releases'] : []),
    '--trace',
  ];
  return `npm run simulate -- ${flags.join(' ')}`;
}
