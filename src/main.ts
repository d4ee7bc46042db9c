/** The orchestrator's process: reads the configuration once, starts, and stops on signals. */
import { config as readDotenv } from 'dotenv';
import { compose } from './compose';
import { loadConfig } from './config';
import { VARIABLES } from './config/variables';
import { formatProblems, type Problem } from './domain/schedule';
import { createLog } from './observability/log';
import { loadRegistry, registry } from './registry';

/** What connections may take to close once the work in hand is done or its time is up. */
const LETTING_GO_MS = 10_000;

/** Answers once the process is up or was refused; ends it where it failed. */
export const main = (): Promise<void> => start().catch(fail);

async function start(): Promise<void> {
  readDotenv({ quiet: true });
  const loaded = loadConfig(process.env);
  const declared = loadRegistry(registry(process.env), process.env);
  if (!loaded.ok || !declared.ok) {
    return refuse([...(loaded.ok ? [] : loaded.problems), ...(declared.ok ? [] : declared.problems)]);
  }
  const { config } = loaded;
  const log = createLog({ level: config.logLevel, env: process.env });
  // A slip in a variable's name would otherwise be seen only on the day the workflow does not run.
  if (declared.leftOut.workflows.length > 0)
    log.info(declared.leftOut, 'declared but not enabled: these are no part of this installation');
  const orchestrator = await compose(config, declared.registry, log).catch(refuseTold);
  log.info({ url: orchestrator.url, role: config.role }, 'reveille is up');
  stopOn(['SIGTERM', 'SIGINT'], async (signal) => {
    log.info({ signal }, 'stopping');
    const deadline = config.shutdownTimeoutSeconds * 1_000 + LETTING_GO_MS;
    setTimeout(() => fail(new Error(`not stopped within ${deadline} ms`)), deadline).unref();
    await orchestrator.close();
    log.info('stopped');
  });
}

function refuse(problems: readonly Problem[]): void {
  process.stderr.write(`Reveille cannot start:\n${formatProblems(problems)}\n`);
  process.exitCode = 1;
}

/** An error that begins with a variable of ours says what to mend: a stack would bury that. @throws any other */
function refuseTold(error: unknown): never {
  const [name = ''] = error instanceof Error ? (/^[A-Z][A-Z0-9_]+/.exec(error.message) ?? []) : [];
  if (!(error instanceof Error) || !(name in VARIABLES)) throw error;
  process.stderr.write(`Reveille cannot start:\n${error.message}\n`);
  // What was begun, such as a lookup that lasts, is not waited for.
  process.exit(1);
}

/** The first signal stops in order; a second one at once. */
function stopOn(signals: NodeJS.Signals[], stop: (signal: NodeJS.Signals) => Promise<void>): void {
  let stopping = false;
  for (const signal of signals) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      stop(signal).then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      );
    });
  }
}

function fail(error: unknown): void {
  process.stderr.write(
    `Reveille failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
}
