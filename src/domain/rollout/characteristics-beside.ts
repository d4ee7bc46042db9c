/**
 * The operating characteristics of a canary's last stage, in which both releases are looked at at the same time as
 * well: the same simulation, with the two tests weighed as `judgeCanary` does.
 */
import { BESIDE, CANARY_RULES, freeze } from './canary';
import {
  boundaries,
  CANARIES,
  characteristics,
  MIN_TASKS,
  SEED,
  seeded,
  TASKS,
  type Characteristics,
  type End,
  type Options,
  type Scenario,
} from './characteristics';
import { abortAt, logEvidence } from './outcomes';
import { twoSample } from './two-sample';

export interface BesideScenario extends Scenario {
  /** Tasks of the incumbent for each of the candidate: 1 at half of the work, 4 at a fifth. */
  ratio: number;
  /** The incumbent's true rates meanwhile, one per metric. */
  beside: readonly number[];
}

const incumbent = { runs: 400, bad: 40 };
const usual = [0.1, 0.1, 0.1] as const;
const failing = (rate: number): number[] => [rate, usual[1], usual[2]];

/** Three metrics; the incumbent was at 10 % in each, known from 400 runs, and is so still unless the name says otherwise. */
export const BESIDE_SCENARIOS: readonly BesideScenario[] = [
  { name: 'as good, at 50 % of the work', incumbent, rates: usual, beside: usual, ratio: 1 },
  { name: 'as good, at 20 % of the work', incumbent, rates: usual, beside: usual, ratio: 4 },
  { name: 'worse: 30 % failures, at 50 %', incumbent, rates: failing(0.3), beside: usual, ratio: 1 },
  { name: 'worse: 30 % failures, at 20 %', incumbent, rates: failing(0.3), beside: usual, ratio: 4 },
  { name: 'bad: 50 % failures, at 50 %', incumbent, rates: failing(0.5), beside: usual, ratio: 1 },
  { name: 'bad: 50 % failures, at 20 %', incumbent, rates: failing(0.5), beside: usual, ratio: 4 },
  {
    name: '30 % failures, the incumbent now at 1 %, at 20 %',
    ...{ incumbent, rates: failing(0.3), beside: failing(0.01), ratio: 4 },
  },
];

export function besideCharacteristicsOf(
  { name, incumbent: known, rates, beside, ratio }: BesideScenario,
  { canaries = CANARIES, seed = SEED, rules = CANARY_RULES }: Partial<Options> = {},
): Characteristics {
  const setting = freeze('any', known, rules);
  if (!setting) throw new RangeError('too little is known of the incumbent to simulate a canary');
  const { passUpTo } = boundaries(known, rates.length, rules);
  const threshold = abortAt(rules.alpha, rates.length);
  const random = seeded(seed);
  const logTogether = twoSample(ratio);
  const alone = remembered((runs, bad) => Math.exp(logEvidence({ runs, bad }, setting.abortAbove)));
  const evidence = (runs: number, bad: number, theirs: number): number => {
    const together = logTogether({ blocks: runs, candidateBad: bad, incumbentBad: theirs });
    return (1 - BESIDE) * alone(runs, bad) + BESIDE * Math.exp(together);
  };
  const abortFrom = remembered((runs, theirs) =>
    fewest(runs, (bad) => evidence(runs, bad, theirs) >= threshold),
  );
  const drawn = (rate: number, times: number): number => {
    let bad = 0;
    for (let n = 0; n < times; n += 1) if (random() < rate) bad += 1;
    return bad;
  };
  return characteristics(name, canaries, (): End => {
    const [mine, theirs] = [rates.map(() => 0), rates.map(() => 0)];
    for (let task = 1; task <= TASKS; task += 1) {
      let isWorse = false;
      rates.forEach((rate, i) => {
        const bad = (mine[i] = (mine[i] as number) + drawn(rate, 1));
        const beyond = (theirs[i] = (theirs[i] as number) + drawn(beside[i] ?? rate, ratio));
        if (bad >= abortFrom(task, beyond)) isWorse = true;
      });
      if (isWorse) return { kind: 'aborted', after: task };
      const most = Math.max(...mine);
      if (task >= MIN_TASKS && most <= (passUpTo[task] as number)) return { kind: 'promoted', after: task };
    }
    return { kind: 'undecided' };
  });
}

/** The fewest bad tasks of so many that are enough; each one more is more evidence. */
function fewest(runs: number, isEnough: (bad: number) => boolean): number {
  if (!isEnough(runs)) return Infinity;
  let [below, from] = [-1, runs];
  while (from - below > 1) {
    const middle = (below + from) >> 1;
    if (isEnough(middle)) from = middle;
    else below = middle;
  }
  return from;
}

/** The same counts come up again and again. */
function remembered(of: (runs: number, bad: number) => number): typeof of {
  const known = new Map<number, number>();
  return (runs, bad) => {
    const key = runs * 1_000 + bad;
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = of(runs, bad);
    known.set(key, made);
    return made;
  };
}
