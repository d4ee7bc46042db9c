/** Jest's start: one Postgres and one Redis for the run, known to the tests by two variables. */
import { join } from 'node:path';
import { startProcess, TYPESCRIPT, type TestProcess } from './processes';
import type { Services } from './services';

/** Long because Redis and Python may have to be installed. */
const SERVICES_DEADLINE_MS = 630_000;

/** Between setup and teardown, which Jest runs in one process. */
export const running = globalThis as typeof globalThis & { testServices?: TestProcess };

export default async function globalSetup(): Promise<void> {
  const script = join(__dirname, 'services.ts');
  const services = await startProcess(process.execPath, [...TYPESCRIPT, script], {
    cwd: join(__dirname, '../..'),
    input: 'pipe',
  });
  running.testServices = services;
  const [line] = await services.waitFor(/^\{.*\}$/m, SERVICES_DEADLINE_MS).catch(async (error: unknown) => {
    await services.stop(); // Jest runs no teardown after a setup that failed
    throw error;
  });
  const { databaseUrl, redisUrl, runFolder } = JSON.parse(line) as Services;
  process.env.TEST_DATABASE_URL = databaseUrl;
  process.env.TEST_REDIS_URL = redisUrl;
  process.env.TEST_RUN_FOLDER = runFolder;
  // The tests' own child processes decide for themselves what they use.
  delete process.env.REDIS_URL;
  delete process.env.DATABASE_URL;
}
