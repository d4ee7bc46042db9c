/**
 * `npm run bench`: measures the project's figures and prints them with their goals. A figure that
 * is missed is a fact, not a failure: the exit code tells only whether everything could be measured.
 *   --json        one JSON line per figure
 *   --only <id>   this figure alone (may be repeated)
 */
import { parseArgs } from 'node:util';
import { met, type Figure, type Measurement } from './figure';
import { admit } from './figures/admit';
import { bootOfPython, bootOfTypeScript, idleOfAgents } from './figures/agent-boot';
import { betweenSteps } from './figures/between-steps';
import { burst } from './figures/burst';
import { cliStart } from './figures/cli-start';
import { coldStepWithClaim, coldStepWithPush } from './figures/cold-step';
import { dashboard } from './figures/dashboard';
import { idle } from './figures/idle';
import { ledgerVerify } from './figures/ledger';
import { ledgerCost } from './figures/ledger-cost';
import { pipeline, prewarmedSchedule } from './figures/prewarm';
import { rollback } from './figures/rollback';
import { slots } from './figures/slots';
import { storedRuns } from './figures/stored-runs';
import { throughputOnPostgres, throughputOnRedis } from './figures/throughput';
import { validation } from './figures/validation';
import { waiting } from './figures/waiting';
import { formatTable, jsonLine } from './report';
import { Cleanup } from './support/cleanup';

const FIGURES: Figure[] = [
  coldStepWithPush,
  coldStepWithClaim,
  betweenSteps,
  idle,
  bootOfTypeScript,
  bootOfPython,
  idleOfAgents,
  throughputOnRedis,
  throughputOnPostgres,
  burst,
  prewarmedSchedule,
  pipeline,
  waiting,
  storedRuns,
  ledgerVerify,
  ledgerCost,
  admit,
  dashboard,
  cliStart,
  slots,
  validation,
  rollback,
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, only: { type: 'string', multiple: true } },
  });
  const figures = choose(values.only);
  const all: Measurement[] = [];
  for (const figure of figures) {
    const measurements = await measure(figure);
    if (values.json) for (const m of measurements) console.log(jsonLine(m));
    all.push(...measurements);
  }
  if (!values.json) console.log(formatTable(all));
  const missed = all.filter((m) => met(m) === false);
  console.error(
    missed.length === 0 ? 'Every goal is met.' : `Missed: ${missed.map((m) => m.id).join(', ')}.`,
  );
}

function choose(only: string[] | undefined): Figure[] {
  if (!only) return FIGURES;
  const unknown = only.filter((id) => !FIGURES.some((f) => f.id === id));
  if (unknown.length === 0) return FIGURES.filter((f) => only.includes(f.id));
  const known = FIGURES.map((f) => f.id).join(', ');
  throw new Error(`no figure ${unknown.join(', ')}; there are ${known}`);
}

/** Whatever happens, what the figure started ends. */
async function measure(figure: Figure): Promise<Measurement[]> {
  const cleanup = new Cleanup();
  const interrupted = (): void => {
    cleanup.run().then(
      () => process.exit(130),
      () => process.exit(1),
    );
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await figure.measure({ cleanup, log: (message) => console.error(`${figure.id}: ${message}`) });
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await cleanup.run();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
