/** What it costs to hold 100,000 runs that wait: for an event, for a time, for a person. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { SCHEMA } from '../../src/store/postgres/pool';
import { median, type Figure } from '../figure';
import type { HolderQuestion } from '../processes/holder';
import { startChild, type Child } from '../support/child';
import { fill } from '../support/fill';
import { startFixedPlatform } from '../support/fixed-platform';
import { residentMb } from '../support/proc';
import { startPostgres } from '../support/services';

const WAITING = 100_000;
/** One run of each kind is parked by the engine, and copied. */
const KINDS = 3;
const PASSES = 15;
/** The sweeper works by itself meanwhile, as it does anywhere. */
const SETTLE_MS = 15_000;
const DEADLINE_MS = 60_000;

export const waiting: Figure = {
  id: 'waiting',
  measure: async (bench) => {
    const postgres = await startPostgres(bench);
    const databaseUrl = await postgres.create();
    const platformUrl = await startFixedPlatform(bench.cleanup, 0);
    const start = () =>
      startChild('bench/processes/holder.ts', { databaseUrl, platformUrl, platformToken: 'bench' });
    const first = await start();
    await ask(first, { op: 'park' }).finally(() => first.stop());
    await fill(databaseUrl, { samples: KINDS, total: WAITING, log: bench.log });
    // It finds them in the record, as after any restart.
    const holder = bench.cleanup.add(await start(), (child) => child.stop());
    await delay(SETTLE_MS);
    const passes: number[] = [];
    for (let i = 0; i < PASSES; i += 1) passes.push(await ask(holder, { op: 'pass' }));
    bench.log(`passes: ${passes.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    const wakes: number[] = [];
    const events = await keys(databaseUrl, PASSES);
    for (const key of events) wakes.push(await ask(holder, { op: 'announce', key }));
    return [
      {
        id: 'waiting-memory',
        name: `orchestrator with ${WAITING} runs that wait: resident memory`,
        value: await residentMb(holder.pid),
        unit: 'MB',
        goal: { kind: 'at-most', value: 512 },
      },
      {
        id: 'waiting-pass',
        name: '  a pass of the sweeper, the slowest of them',
        value: Math.max(...passes),
        unit: 'ms',
        goal: { kind: 'at-most', value: 1_000 },
      },
      {
        id: 'waiting-event',
        name: '  from an event to the end of the run that waited for it',
        value: median(wakes),
        unit: 'ms',
      },
    ];
  },
};

const ask = (child: Child, question: HolderQuestion): Promise<number> =>
  child.ask<number>(question, DEADLINE_MS);

/** Keys of events that one run each waits for. */
async function keys(databaseUrl: string, count: number): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl, options: `-c search_path=${SCHEMA}` });
  await client.connect();
  try {
    const text = `SELECT key FROM waits WHERE kind = 'event' ORDER BY run_id LIMIT $1`;
    return (await client.query<{ key: string }>(text, [count])).rows.map(({ key }) => key);
  } finally {
    await client.end();
  }
}
