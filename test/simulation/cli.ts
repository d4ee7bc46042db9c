/**
 * npm run simulate -- --seeds N --hours H [--seed S] and more, see docs/simulation.md. Prints a line for each seed;
 * of one that fails, the shortest trace found and the command that repeats it. Exit 1 on a violation, 2 on a wrong
 * option.
 */
import { parseArgs } from 'node:util';
import { CAMPAIGN } from './campaign';
import { FAULTS, type Fault } from './faults';
import { replayCommand, shrink } from './shrink';
import { simulate, type SimulationOptions, type SimulationReport } from './simulate';

/** Of a longer trace its end is printed: there the violation is. */
const MAX_LINES = 200;

function read(): { count: number; options: SimulationOptions; trace: boolean } {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      hours: { type: 'string', default: String(CAMPAIGN.hours) },
      runs: { type: 'string', default: String(CAMPAIGN.runsPerHour) },
      burst: { type: 'string', default: String(CAMPAIGN.burst) },
      rate: { type: 'string', default: String(CAMPAIGN.faultRate) },
      cron: { type: 'string', default: CAMPAIGN.cron },
      without: { type: 'string', default: '' },
      strikes: { type: 'string' },
      releases: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
    },
  });
  return {
    count: numberOf('seeds', values.seeds, 1),
    trace: values.trace,
    options: {
      seed: numberOf('seed', values.seed, 0),
      hours: numberOf('hours', values.hours, 0.01),
      runsPerHour: numberOf('runs', values.runs, 0.01),
      burst: numberOf('burst', values.burst, 1),
      faultRate: numberOf('rate', values.rate, 0, 1),
      cron: values.cron,
      without: faultsOf(values.without),
      ...(values.releases && { releases: true }),
      ...(values.strikes !== undefined && { strikes: numberOf('strikes', values.strikes, 0) }),
    },
  };
}

function numberOf(name: string, text: string, least: number, most = Infinity): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  const range = most === Infinity ? `${least} or more` : `between ${least} and ${most}`;
  throw new Error(`--${name} has to be a number, ${range}; it is "${text}"`);
}

function faultsOf(text: string): Fault[] {
  const names = text.split(',').filter(Boolean);
  const unknown = names.find((name) => !FAULTS.some((fault) => fault === name));
  if (unknown !== undefined)
    throw new Error(`--without: there is no fault "${unknown}"; there are ${FAULTS.join(', ')}`);
  return FAULTS.filter((fault) => names.includes(fault));
}

function show({ violations, lines }: SimulationReport): void {
  if (lines.length > MAX_LINES) console.log(`  … ${lines.length - MAX_LINES} lines before`);
  for (const line of lines.slice(-MAX_LINES)) console.log(`  ${line}`);
  for (const violation of violations) console.log(`  VIOLATION ${violation}`);
}

async function explain(options: SimulationOptions, { violations }: SimulationReport): Promise<void> {
  for (const violation of violations) console.log(`  ${violation}`);
  console.log('  looking for a shorter one …');
  const shrunk = await shrink(options);
  show(shrunk.report);
  console.log(`  the shortest of ${shrunk.attempts} tried; again with:`);
  console.log(`  ${replayCommand(shrunk.options)}`);
}

async function main(): Promise<void> {
  const { count, options, trace } = read();
  for (let seed = options.seed; seed < options.seed + count; seed += 1) {
    const mine = { ...options, seed };
    const startedAt = Date.now();
    const report = await simulate({ ...mine, keepTrace: trace, stopAtFirst: trace });
    const { runs, succeeded, violations, strikes } = report;
    const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
    console.log(
      `seed ${seed}: ${runs} runs, ${succeeded} succeeded, ${strikes} faults, ${violations.length} violations, ` +
        `trace ${report.trace.slice(0, 16)}, ${seconds} s`,
    );
    if (violations.length > 0) process.exitCode = 1;
    if (trace) show(report);
    else if (violations.length > 0) await explain(mine, report);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
