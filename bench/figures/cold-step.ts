/**
 * What the orchestrator adds to a cold start, with real processes on the local platform: the time from the
 * scale call's acceptance to the job in the agent's hands, minus the agent's own time to listening.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import { createLocalPlatform, type LocalPlatform } from '../../src/platforms/local';
import { freePort } from '../../test/support/ports';
import { until } from '../../test/support/until';
import { median, type Bench, type Figure } from '../figure';
import { startOrchestrator } from '../support/compose';
import { startPostgres } from '../support/services';

type Mode = 'push' | 'claim';

const WARM_UP = 5;
const COLD_STEPS = 25;
const STEP_DEADLINE_MS = 30_000;
const SECRET = 'a-secret-of-the-benchmark';

export const coldStepWithPush = coldStep('push', 60);
export const coldStepWithClaim = coldStep('claim', 15);

function coldStep(mode: Mode, goalMs: number): Figure {
  const id = `cold-step-${mode}`;
  return {
    id,
    measure: async (bench) => {
      const { orchestrator, platform } = await start(bench, mode);
      const samples: number[] = [];
      for (let i = 0; i < WARM_UP + COLD_STEPS; i += 1) {
        const { overheadMs, bootMs } = await oneColdStep(orchestrator, platform);
        bench.log(`overhead ${overheadMs.toFixed(1)} ms, the agent listened after ${bootMs.toFixed(0)} ms`);
        if (i >= WARM_UP) samples.push(overheadMs);
      }
      const name = `overhead of a cold step, ${mode === 'push' ? 'job pushed' : 'job claimed at startup'}`;
      return [{ id, name, value: median(samples), unit: 'ms', goal: { kind: 'at-most', value: goalMs } }];
    },
  };
}

async function start(
  bench: Bench,
  mode: Mode,
): Promise<{ orchestrator: Orchestrator; platform: LocalPlatform }> {
  const { cleanup } = bench;
  const postgres = await startPostgres(bench);
  const stateDir = cleanup.add(await mkdtemp(join(tmpdir(), 'reveille-bench-')), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const [port, agentPort] = [await freePort(), await freePort()];
  const env = {
    AGENT_ID: 'cold',
    AGENT_MODE: mode === 'claim' ? 'startup' : 'api',
    AGENT_SECRET: SECRET,
    ORCHESTRATOR_WEBHOOK_URL: `http://127.0.0.1:${port}/webhook`,
  };
  const folder = join(__dirname, '..', 'agents', 'cold');
  const platform = createLocalPlatform({
    stateDir,
    capsules: [{ id: 'cold', folder, port: agentPort, env }],
  });
  cleanup.add(platform, (p) => p.stop());
  await platform.start();
  const orchestrator = await startOrchestrator(
    { databaseUrl: await postgres.create(), platformUrl: platform.url, platformToken: platform.token, port },
    {
      agents: [
        {
          id: 'cold',
          name: 'Cold',
          capsuleId: 'cold',
          baseUrl: `http://127.0.0.1:${agentPort}`,
          secret: SECRET,
          lingerSeconds: 0,
        },
      ],
      workflows: [{ id: 'cold', name: 'One cold step', steps: [{ id: 'cold', agent: 'cold' }] }],
    },
  );
  cleanup.add(orchestrator, (o) => o.close());
  return { orchestrator, platform };
}

async function oneColdStep(orchestrator: Orchestrator, platform: LocalPlatform) {
  const { engine, store } = orchestrator;
  let acceptedAt = 0;
  platform.events.once('scaled', () => (acceptedAt = performance.timeOrigin + performance.now()));
  const started = await engine.trigger('cold', {}, { actor: 'bench' });
  if (started.kind !== 'created') throw new Error(`the run was not created: ${started.kind}`);
  const wait = { deadlineMs: STEP_DEADLINE_MS, what: 'the end of a cold step' };
  await until(async () => (await store.run(started.runId))?.state.status === 'succeeded', wait);
  const output = (await store.payloads(started.runId))?.results[0]?.result.output;
  const { listeningAt, jobAt } = output as { listeningAt: number; jobAt: number };
  await until(async () => (await store.capsule('cold'))?.state.status === 'asleep', wait);
  return { overheadMs: jobAt - listeningAt, bootMs: listeningAt - acceptedAt };
}
