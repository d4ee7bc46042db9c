/** Jest's end, whatever the tests' outcome: the run's Postgres and Redis end, seen to be gone. */
import { withDeadline } from './deadline';
import { running } from './global-setup';

const TEARDOWN_DEADLINE_MS = 30_000;

/** Between the end of the run and the end of Jest's process, when nothing is left open. */
const OPEN_HANDLES_DEADLINE_MS = 10_000;

export default async function globalTeardown(): Promise<void> {
  failOnOpenHandles();
  const services = running.testServices;
  if (services === undefined) return;
  services.closeInput();
  const exit = await withDeadline(services.exited, TEARDOWN_DEADLINE_MS, services.output);
  if (exit.code !== 0) throw new Error(`the services of the run did not end cleanly:\n${services.output()}`);
}

/**
 * What a test left open would keep Jest's process alive for ever. This timer alone does not; when
 * it fires there is such a leak, and the run fails.
 */
function failOnOpenHandles(): void {
  const report = () => {
    process.stderr.write(`The tests left open: ${process.getActiveResourcesInfo().join(', ')}\n`, () =>
      process.exit(1),
    );
  };
  setTimeout(report, TEARDOWN_DEADLINE_MS + OPEN_HANDLES_DEADLINE_MS).unref();
}
