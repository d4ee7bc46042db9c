/** The bill in a terminal: from an answer to lines, and over a real API. */
import { join } from 'node:path';
import type { z } from 'zod';
import { costLines } from '../../src/cli/costs';
import { FORMULAS, type CostReportView } from '../../src/http/views/cost';
import { startApi, type Api } from '../http/support/api';
import { useProcesses } from '../support/processes';

type Report = z.infer<typeof CostReportView>;

const row = (key: string, billed: number, more: Partial<Report['total']> = {}): Report['total'] => ({
  key,
  workflowId: null,
  seconds: { boot: 1, prewarm: 0, work: billed - 1, linger: 0, drain: 0, billed, wasted: 1, unpriced: 0 },
  tokens: { input: 0, output: 0, cacheRead: 0 },
  capsuleUsd: '0.000139',
  modelUsd: '0.000000',
  totalUsd: '0.000139',
  wasteRatio: billed === 0 ? null : 1 / billed,
  alwaysOnUsd: '1.200000',
  savedUsd: '1.199861',
  ...more,
});

const report = (more: Partial<Report> = {}): Report => ({
  from: '2026-03-01T23:00:00.000Z',
  to: '2026-03-03T23:00:00.000Z',
  zone: 'Europe/Berlin',
  by: 'day',
  items: [row('2026-03-02', 10), row('2026-03-03', 0)],
  total: row('', 10),
  formulas: FORMULAS,
  strays: [],
  nextCursor: null,
  ...more,
});

describe('the lines of a report', () => {
  it('are a table with a total, and what was saved', () => {
    const lines = costLines(report(), undefined);
    expect(lines[1]).toMatch(/^day +boot +prewarm +work +linger +drain +billed s +waste .*saved \$$/);
    expect(lines[2]).toMatch(/^2026-03-02 +1\.0 +0\.0 +9\.0 +0\.0 +0\.0 +10\.0 +10\.0% +0\.000139/);
    expect(lines[3]).toMatch(/^2026-03-03 .* - /);
    expect(lines[4]).toMatch(/^total /);
    expect(lines.at(-1)).toBe('saved $1.199861 of $1.200000 for always on');
  });

  it('name what has no price, what is left out, what is nobody’s and what ran without a reason', () => {
    const seconds = { ...row('', 10).seconds, unpriced: 10 };
    const stray = {
      capsuleId: 'cap-1',
      agentId: 'x',
      replicas: 2,
      since: '2026-03-02T11:59:00.000Z',
      foundAt: '2026-03-02T12:00:00.000Z',
      endedAt: '2026-03-02T12:01:00.000Z',
      seconds: 240,
      capsuleUsd: '0.003333',
    };
    const more = {
      by: 'workflow' as const,
      items: [row('', 10)],
      strays: [stray, { ...stray, endedAt: null }],
    };
    const all = costLines(
      report({ ...more, total: row('', 10, { seconds }), nextCursor: 'next' }),
      undefined,
    );
    const text = all.join('\n');
    expect(text).toContain('(nobody)');
    expect(text).toContain('10 s without a price: set pricePerReplicaHourUsd');
    expect(text).toContain('older runs are left out');
    expect(text).toContain(
      '2 replica(s) of cap-1 ran without a reason: 240 replica-seconds, $0.003333 at most',
    );
    expect(text).toContain('being put to sleep');
  });

  it('say so when there is nothing on the bill', () => {
    expect(costLines(report({ items: [] }), undefined)).toEqual([
      'nothing on the bill from 2026-03-01 23:00 to 2026-03-03 23:00 (UTC), days of Europe/Berlin',
    ]);
  });
});

describe('reveille costs', () => {
  const processes = useProcesses();
  const CLI = join(__dirname, '../../src/cli/index.ts');
  let api: Api;
  beforeAll(async () => void (api = await startApi()));
  afterAll(() => api.close());

  const costs = async (...args: string[]) => {
    const env = { REVEILLE_URL: `http://127.0.0.1:${api.port}`, REVEILLE_API_KEY: undefined, NO_COLOR: '1' };
    const command = await processes.startScript(CLI, ['costs', ...args], { env });
    const { code } = await command.exited;
    return { code, output: command.output() };
  };

  it('asks the orchestrator for what the options say', async () => {
    const { code, output } = await costs(
      '--by',
      'agent',
      '--from',
      '2026-03-01',
      '--to',
      '2026-03-02',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(output)).toMatchObject({ by: 'agent', from: '2026-03-01T00:00:00.000Z', items: [] });
  });

  it.each([
    [['--from', 'yesterday'], 2, /give a date, e\.g\. 2026-03-31/],
    [['--by', 'hour'], 2, /day, workflow, agent, model, run/],
    [['--zone', 'Mars'], 2, /query\.zone: is not a time zone/],
  ])('refuses %j', async (args, expected, why) => {
    const { code, output } = await costs(...args);
    expect(code).toBe(expected);
    expect(output).toMatch(why);
  });
});
