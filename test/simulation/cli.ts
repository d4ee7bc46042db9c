/** npm run simulate -- --seeds N --hours H [--rate 0.05]: prints one line per seed; exit 1 on a violation. */
import { parseArgs } from 'node:util';
import { simulate } from './simulate';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10' },
      first: { type: 'string', default: '1' },
      hours: { type: 'string', default: '6' },
      rate: { type: 'string', default: '0.05' },
    },
  });
  const first = Number(values.first);
  for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
    const report = await simulate({
      seed,
      hours: Number(values.hours),
      runsPerHour: 50,
      faultRate: Number(values.rate),
    });
    const { runs, succeeded, violations, trace } = report;
    console.log(
      `seed ${seed}: ${runs} runs, ${succeeded} succeeded, ${violations.length} violations, trace ${trace.slice(0, 12)}`,
    );
    for (const violation of violations) console.log(`  ${violation}`);
    if (violations.length > 0) {
      console.log(
        `  again with: npm run simulate -- --first ${seed} --seeds 1 --hours ${values.hours} --rate ${values.rate}`,
      );
      process.exitCode = 1;
    }
  }
}

void main();
