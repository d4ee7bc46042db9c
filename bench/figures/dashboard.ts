/**
 * How the dashboard does with 100,000 runs in the store: what the server takes for a page of the list, for each
 * way to ask for one, and when a browser shows it.
 */
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../test/browser/support/chromium';
import { freePort } from '../../test/support/ports';
import { median, type Bench, type Figure, type Measurement } from '../figure';
import { startChild } from '../support/child';
import { fill } from '../support/fill';
import { startFixedPlatform } from '../support/fixed-platform';
import type { Load, LoadResult } from '../support/load';
import { startPostgres } from '../support/services';

const STORED = 100_000;
/** Runs of the load's own, copied. */
const SAMPLES = 50;
const LOAD: Load = { count: SAMPLES, concurrency: 10 };
const DEADLINE_MS = 120_000;
const REQUESTS = 60;
const PAINTS = 7;
/** What the list asks for at once. */
const PAGE = 100;

/** Each way to ask, with the path after `/runs`. */
const QUESTIONS = {
  newest: '',
  succeeded: '&status=succeeded',
  workflow: '&workflowId=chain',
  'text-rare': '&text=nothing+has+this+in+it',
  'text-id': '&text=0',
} as const;

export const dashboard: Figure = {
  id: 'dashboard',
  measure: async (bench) => {
    const url = await startFull(bench);
    const took: Record<string, number[]> = {};
    for (const [name, filter] of Object.entries(QUESTIONS)) {
      took[name] = await ask(`${url}/runs?limit=${PAGE}${filter}`);
      bench.log(`${name}: p95 ${p95(took[name]).toFixed(1)} ms`);
    }
    took['deep page'] = await ask(await deepPage(url));
    took.counts = await ask(`${url}/runs/counts`);
    const paints = await paint(bench, `${url}/app/runs`);
    return report(took, paints);
  },
};

/** An orchestrator on a store of that many runs. @returns its address */
async function startFull(bench: Bench): Promise<string> {
  const { cleanup } = bench;
  const postgres = await startPostgres(bench);
  const databaseUrl = await postgres.create();
  const agents = cleanup.add(await startChild('bench/agents/instant/agent.mjs', {}), (c) => c.stop());
  const { port: agentPort } = await agents.ask<{ port: number }>({}, 5_000);
  const platformUrl = await startFixedPlatform(cleanup, 1);
  const port = await freePort();
  const agentUrl = `http://127.0.0.1:${agentPort}`;
  const given = { agentUrl, platformUrl, platformToken: 'bench', databaseUrl, port };
  const child = cleanup.add(await startChild('bench/processes/orchestrator.ts', given), (c) => c.stop());
  await child.ask<LoadResult>(LOAD, DEADLINE_MS);
  await fill(databaseUrl, { samples: SAMPLES, total: STORED, log: bench.log });
  return `http://127.0.0.1:${port}`;
}

/** Milliseconds of each request, one after the other, to the last byte. */
async function ask(address: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < REQUESTS; i += 1) {
    const begin = performance.now();
    const response = await fetch(address);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${address} answered ${response.status}`);
    times.push(performance.now() - begin);
  }
  return times;
}

/** Twenty pages back. */
async function deepPage(url: string): Promise<string> {
  let address = `${url}/runs?limit=200`;
  for (let i = 0; i < 20; i += 1) {
    const { nextCursor } = (await (await fetch(address)).json()) as { nextCursor: string | null };
    if (nextCursor === null) throw new Error('the list has fewer pages than it should');
    address = `${url}/runs?limit=${PAGE}&cursor=${encodeURIComponent(nextCursor)}`;
  }
  return address;
}

interface Paints {
  /** Milliseconds from the start of the navigation. */
  first: number[];
  /** Until the runs are there. */
  rows: number[];
}

async function paint({ cleanup, log }: Bench, address: string): Promise<Paints> {
  const browser = cleanup.add(await launchChromium(), (b: Browser) => b.close());
  const paints: Paints = { first: [], rows: [] };
  for (let i = 0; i < PAINTS; i += 1) {
    // A new context: nothing of the page is known to the browser.
    const context = await browser.newContext();
    const page = await context.newPage();
    const begin = performance.now();
    await page.goto(address);
    await page.locator('.run-row').first().waitFor();
    paints.rows.push(performance.now() - begin);
    const first = await page.evaluate<number | undefined>(
      `performance.getEntriesByName('first-contentful-paint')[0]?.startTime`,
    );
    if (first === undefined) throw new Error('the browser painted nothing');
    paints.first.push(first);
    log(`paint ${i + 1}: first ${first.toFixed(0)} ms, runs ${paints.rows.at(-1)?.toFixed(0)} ms`);
    await context.close();
  }
  return paints;
}

function p95(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] as number;
}

function report(took: Readonly<Record<string, number[]>>, { first, rows }: Paints): Measurement[] {
  const list = Object.entries(took);
  const slowest = Math.max(...list.map(([, times]) => p95(times)));
  return [
    {
      id: 'dashboard-list',
      name: `a page of the list of ${STORED} runs, p95 of the slowest way to ask`,
      value: slowest,
      unit: 'ms',
      goal: { kind: 'at-most', value: 200 },
    },
    ...list.map(([name, times]) => ({
      id: `dashboard-list-${name.replaceAll(' ', '-')}`,
      name: `  p95, ${name}`,
      value: p95(times),
      unit: 'ms',
    })),
    {
      id: 'dashboard-paint',
      name: 'first paint of the list in a browser',
      value: median(first),
      unit: 'ms',
      goal: { kind: 'at-most', value: 1_000 },
    },
    { id: 'dashboard-rows', name: '  until the runs are in it', value: median(rows), unit: 'ms' },
  ];
}
