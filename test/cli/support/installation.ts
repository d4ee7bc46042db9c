/** An installation whose commands are tried: a real orchestrator with real agents, and the command as built. */
import type { Orchestrator } from '../../../src/compose';
import { World, type WorldOptions } from '../../e2e/support/world';
import { useProcesses } from '../../support/processes';
import { cliOf } from './cli';

/** Who has it may do everything. */
export const KEY = 'key-canary-0123456789abcdef';

/** A busy machine takes its time for a process. */
const TEST_DEADLINE_MS = 180_000;

/**
 * Call at the top of a test file: started before its first test, and ended after its last.
 * @param env added to the orchestrator's, which takes {@link KEY}
 */
export function useInstallation(options: WorldOptions, env: Record<string, string> = {}) {
  jest.setTimeout(TEST_DEADLINE_MS);
  const started: { world?: World; orchestrator?: Orchestrator } = {};
  const orchestrator = (): Orchestrator => {
    if (started.orchestrator === undefined) throw new Error('the installation is up from beforeAll on');
    return started.orchestrator;
  };
  beforeAll(async () => {
    started.world = await World.start(options);
    started.orchestrator = await started.world.orchestrate({
      env: { API_KEYS: KEY, HOST: '127.0.0.1', ...env },
    });
  });
  afterAll(() => started.world?.close());
  const variables = () => ({ REVEILLE_URL: orchestrator().url, REVEILLE_API_KEY: KEY });
  return { ...cliOf(useProcesses(), variables), orchestrator };
}
