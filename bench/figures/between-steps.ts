/** Awake agents, one run at a time: from an agent's webhook to the next agent's job. */
import { median, type Figure } from '../figure';
import { startFixedPlatform } from '../support/fixed-platform';
import { startChild } from '../support/child';
import { startPostgres } from '../support/services';

const WARM_UP = 20;
/** Runs of three steps: two gaps each. */
const RUNS = 150;
const DEADLINE_MS = 60_000;

export const betweenSteps: Figure = {
  id: 'between-steps',
  measure: async (bench) => {
    const { cleanup } = bench;
    const postgres = await startPostgres(bench);
    const agents = cleanup.add(await startChild('bench/agents/instant/agent.mjs', {}), (c) => c.stop());
    const { port } = await agents.ask<{ port: number }>({}, DEADLINE_MS);
    const ours = await startChild('bench/processes/orchestrator.ts', {
      agentUrl: `http://127.0.0.1:${port}`,
      platformUrl: await startFixedPlatform(cleanup, 1),
      platformToken: 'bench',
      databaseUrl: await postgres.create(),
    });
    cleanup.add(ours, (c) => c.stop());
    await ours.ask({ count: WARM_UP, concurrency: 1 }, DEADLINE_MS);
    await agents.ask({}, DEADLINE_MS); // forgets the gaps of the warm-up
    await ours.ask({ count: RUNS, concurrency: 1 }, DEADLINE_MS);
    const { gaps } = await agents.ask<{ gaps: number[] }>({}, DEADLINE_MS);
    if (gaps.length < RUNS) throw new Error(`only ${gaps.length} gaps were seen`);
    return [
      {
        id: 'between-steps',
        name: 'webhook received to next POST /run, queue on postgres',
        value: median(gaps),
        unit: 'ms',
        goal: { kind: 'at-most', value: 10 },
      },
    ];
  },
};
