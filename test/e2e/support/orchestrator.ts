/**
 * An orchestrator in a process of its own, for tests that kill it:
 *
 *     WORLD=<registry and limits as JSON> node --require ./test/support/typescript.cjs test/e2e/support/orchestrator.ts
 *
 * prints `up <url>`. With `DIE_AT=capsule:<status>` or `DIE_AT=step:<id>:<status>` it kills itself with
 * SIGKILL right after that was committed and before anything is done about it.
 */
import { pino } from 'pino';
import { compose, type Orchestrator } from '../../../src/compose';
import { loadConfig } from '../../../src/config';
import type { Limits } from '../../../src/domain/limits';
import type { RegistryInput } from '../../../src/registry';
import { checked } from './registry';

export interface WorldText {
  registry: RegistryInput;
  limits: Partial<Limits>;
}

async function main(): Promise<void> {
  const { registry, limits } = JSON.parse(process.env.WORLD ?? '') as WorldText;
  const loaded = loadConfig(process.env);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const log = pino({ level: loaded.config.logLevel }, pino.destination({ sync: true }));
  const orchestrator = await compose(loaded.config, checked(registry), log, { limits });
  dieAt(orchestrator, process.env.DIE_AT);
  process.once('SIGTERM', () => {
    process.stdout.write('stopping\n');
    void orchestrator.close().then(() => process.stdout.write('stopped\n', () => process.exit(0)));
  });
  process.stdout.write(`up ${orchestrator.url}\n`);
}

function dieAt({ events }: Orchestrator, stage: string | undefined): void {
  if (stage === undefined) return;
  const die = () => process.kill(process.pid, 'SIGKILL');
  events.on('capsule', ({ status }) => {
    if (stage === `capsule:${status}`) die();
  });
  events.on('run', ({ steps, status }) => {
    if (steps.some((step) => stage === `step:${step.id}:${step.status}`)) die();
    if (stage === `run:${status}`) die();
  });
}

main().catch((error: unknown) => {
  const text = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`, () => process.exit(1));
});
