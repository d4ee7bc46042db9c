/**
 * A burst: ten times as many workflows under way as their agents have room for, beside as many as they have. Who stands
 * in line costs two commits more for each step, to come into it and to be given its slot.
 */
import { median, type Figure } from '../figure';
import { startChild, type Child } from '../support/child';
import { startFixedPlatform } from '../support/fixed-platform';
import type { LoadResult } from '../support/load';
import { startPostgres } from '../support/services';

const SLOTS = 100;
const BURST = 1_000;
const COUNT = 1_500;
/** Turns that count, after one of each to warm up. */
const ROUNDS = 3;
const TURN_DEADLINE_MS = 120_000;

export const burst: Figure = {
  id: 'burst',
  measure: async (bench) => {
    const { cleanup, log } = bench;
    const postgres = await startPostgres(bench);
    const agents = cleanup.add(await startChild('bench/agents/instant/agent.mjs', {}), (c) => c.stop());
    const { port } = await agents.ask<{ port: number }>({}, 5_000);
    const settings = {
      agentUrl: `http://127.0.0.1:${port}`,
      slots: SLOTS,
      platformUrl: await startFixedPlatform(cleanup, 1),
      platformToken: 'bench',
      databaseUrl: await postgres.create(),
    };
    const ours = await startChild('bench/processes/orchestrator.ts', settings);
    cleanup.add(ours, (c) => c.stop());
    const [within, beyond]: [number[], number[]] = [[], []];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const rates = [await turn(ours, SLOTS), await turn(ours, BURST)] as const;
      log(`round ${round}: ${rates.map((rate) => rate.toFixed(0)).join(', then in a burst ')} workflows/s`);
      if (round === 0) continue;
      within.push(rates[0]);
      beyond.push(rates[1]);
    }
    const { failures } = await agents.ask<{ failures: string[] }>({}, 5_000);
    return [
      {
        id: 'burst',
        name: `workflows/s with ${BURST} under way for ${SLOTS} slots, beside ${SLOTS}`,
        value: median(beyond.map((rate, i) => rate / (within[i] ?? Infinity))),
        unit: 'ratio',
        goal: { kind: 'at-least', value: 0.4 },
      },
      { id: 'burst-rate', name: '  in a burst', value: median(beyond), unit: 'workflows/s' },
      { id: 'burst-refused', name: '  results refused at first', value: failures.length, unit: 'results' },
    ];
  },
};

async function turn(ours: Child, concurrency: number): Promise<number> {
  const { elapsedMs } = await ours.ask<LoadResult>({ count: COUNT, concurrency }, TURN_DEADLINE_MS);
  return (COUNT * 1_000) / elapsedMs;
}
