/**
 * The operating characteristics of a canary, by seeded simulation: how often a candidate of known rates is aborted
 * or promoted within so many tasks, and how soon. `npm run canary:characteristics` writes them into docs/canary.md.
 */
import { CANARY_RULES, freeze, type CanaryRules } from './canary';
import { abortAt, logEvidence, type Counts } from './outcomes';
import { probabilityWithin } from './promotion';

export interface Scenario {
  name: string;
  /** What is known of the incumbent when the canary begins. */
  incumbent: Counts;
  /** The candidate's true rates, one per metric. */
  rates: readonly number[];
}

export interface Characteristics {
  scenario: string;
  /** Shares of all canaries, after `TASKS` tasks at most. */
  aborted: number;
  promoted: number;
  undecided: number;
  /** Tasks until half of all canaries were aborted; undefined when fewer were. */
  medianToAbort: number | undefined;
}

/** Of each canary, with a look after each. */
export const TASKS = 60;
export const CANARIES = 4_000;
export const SEED = 20_260_101;
/** Tasks before promotion is tested, as the default canary's stages ask for. */
export const MIN_TASKS = 20;

const known: Counts = { runs: 400, bad: 40 };
const [failed, intervened, costly] = [0.1, 0.1, 0.1];

/** Three metrics; the incumbent is at 10 % in each, known from 400 runs unless the name says otherwise. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'as good as the incumbent', incumbent: known, rates: [failed, intervened, costly] },
  { name: 'better: half the failures', incumbent: known, rates: [0.05, 0.05, 0.05] },
  { name: 'slightly worse: 15 % failures', incumbent: known, rates: [0.15, intervened, costly] },
  { name: 'worse: 30 % failures', incumbent: known, rates: [0.3, intervened, costly] },
  { name: 'bad: 50 % failures', incumbent: known, rates: [0.5, intervened, costly] },
  { name: 'broken: every task fails', incumbent: known, rates: [1, intervened, costly] },
  { name: 'dear: half the tasks cost too much', incumbent: known, rates: [failed, intervened, 0.5] },
  {
    name: 'as good, incumbent known from 50 runs',
    incumbent: { runs: 50, bad: 5 },
    rates: [failed, intervened, costly],
  },
  {
    name: 'bad: 50 % failures, incumbent known from 50 runs',
    incumbent: { runs: 50, bad: 5 },
    rates: [0.5, intervened, costly],
  },
];

/** A small generator of numbers in [0, 1): mulberry32, which has passed the usual tests for its size. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  const { imul } = Math;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = imul(z ^ (z >>> 15), z | 1);
    z ^= z + imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function characteristicsOf(
  { name, incumbent, rates }: Scenario,
  { canaries = CANARIES, seed = SEED, rules = CANARY_RULES }: Partial<Options> = {},
): Characteristics {
  const { abortFrom, passUpTo } = boundaries(incumbent, rates.length, rules);
  const random = seeded(seed);
  return characteristics(name, canaries, () => oneCanary(rates, abortFrom, passUpTo, random));
}

/** What so many canaries came to. */
export function characteristics(scenario: string, canaries: number, canary: () => End): Characteristics {
  const ends = { aborted: [] as number[], promoted: 0 };
  for (let n = 0; n < canaries; n += 1) {
    const end = canary();
    if (end.kind === 'aborted') ends.aborted.push(end.after);
    if (end.kind === 'promoted') ends.promoted += 1;
  }
  const sorted = ends.aborted.sort((a, b) => a - b);
  return {
    scenario,
    aborted: sorted.length / canaries,
    promoted: ends.promoted / canaries,
    undecided: (canaries - sorted.length - ends.promoted) / canaries,
    medianToAbort: sorted[Math.ceil(canaries / 2) - 1],
  };
}

export interface Options {
  canaries: number;
  seed: number;
  rules: CanaryRules;
}

export type End = { kind: 'aborted' | 'promoted'; after: number } | { kind: 'undecided' };

function oneCanary(
  rates: readonly number[],
  abortFrom: readonly number[],
  passUpTo: readonly number[],
  random: () => number,
): End {
  const bad = rates.map(() => 0);
  for (let task = 1; task <= TASKS; task += 1) {
    rates.forEach((rate, i) => (bad[i] = (bad[i] as number) + (random() < rate ? 1 : 0)));
    const most = Math.max(...bad);
    if (most >= (abortFrom[task] as number)) return { kind: 'aborted', after: task };
    if (task >= MIN_TASKS && most <= (passUpTo[task] as number)) return { kind: 'promoted', after: task };
  }
  return { kind: 'undecided' };
}

/** Both tests as the numbers of bad tasks at which they decide, by the number of tasks: they look at nothing else. */
export function boundaries(incumbent: Counts, metrics: number, rules: CanaryRules) {
  const setting = freeze('any', incumbent, rules);
  if (!setting) throw new RangeError('too little is known of the incumbent to simulate a canary');
  const threshold = Math.log(abortAt(rules.alpha, metrics));
  const [abortFrom, passUpTo] = [[Infinity], [-1]];
  for (let runs = 1; runs <= TASKS; runs += 1) {
    const counts = Array.from({ length: runs + 1 }, (_, bad) => bad);
    // Evidence from fewer bad tasks than expected is below 1, and rises with each bad one from there on.
    abortFrom.push(
      counts.find((bad) => logEvidence({ runs, bad }, setting.abortAbove) >= threshold) ?? Infinity,
    );
    passUpTo.push(
      counts.findLast((bad) => probabilityWithin({ runs, bad }, setting.passBelow) >= rules.minProbability) ??
        -1,
    );
  }
  return { abortFrom, passUpTo };
}

const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;

/** The table of docs/canary.md. */
export function characteristicsTable(rows: readonly Characteristics[]): string {
  const cells = rows.map((r) => [
    r.scenario,
    ...[r.aborted, r.promoted, r.undecided].map(percent),
    r.medianToAbort === undefined ? '-' : `${r.medianToAbort} tasks`,
  ]);
  const titles = ['candidate', 'aborted', 'promoted', 'undecided', 'half are aborted after'];
  const widths = titles.map((t, i) => Math.max(t.length, ...cells.map((row) => (row[i] as string).length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((c, i) => c.padEnd(widths[i] as number)).join(' | ')} |`;
  return [line(titles), `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`, ...cells.map(line)].join('\n');
}
