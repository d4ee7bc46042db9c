/** What was awake for whom, and what it cost. */
import { z } from 'zod';
import { dateAt, daysBetween, startOfDay } from '../../domain/cost/days';
import { add, NO_FIGURES } from '../../domain/cost/figures';
import {
  COST_GROUPS,
  costReport,
  type CostGroup,
  type CostReport,
  type CostRow,
} from '../../domain/cost/report';
import { QUARTER_MS, quarterOf } from '../../domain/cost/spread';
import { clamp } from '../../domain/cost/timeline';
import { offsetAt } from '../../domain/schedule/zone';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { isoTime, pageQuery } from '../schema';
import { costRowView, CostReportView, FORMULAS, strayView } from '../views/cost';
import { iso } from '../views/time';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const MAX_DAYS = 400;
const MAX_STRAYS = 50;

const dateOrTime = z.union([z.iso.date(), isoTime]);
const zone = z
  .string()
  .max(100)
  .refine(isZone, { message: 'is not a time zone: use an IANA name, e.g. Europe/Berlin' });

export const getCosts = route({
  method: 'get',
  path: '/costs',
  operationId: 'getCosts',
  tag: 'costs',
  summary: 'Replica-seconds and money by day, workflow, agent, model or run',
  description:
    'A shift counts once it is over. Times are rounded outwards to quarters of an hour. By run: the runs that ' +
    'were created in the time, newest first, as long as they are kept.',
  access: 'viewer',
  query: z.object({
    from: dateOrTime.optional().describe('A date (its beginning) or a time. Default: 30 days ago.'),
    to: dateOrTime.optional().describe('A date (its end) or a time. Default: now.'),
    by: z.enum([...COST_GROUPS, 'run']).default('day'),
    zone: zone.default('UTC').describe('Whose days are meant: an IANA name.'),
    ...pageQuery,
  }),
  responses: { 200: { description: 'The costs.', schema: CostReportView } },
  problems: [],
  handle: async ({ query }, deps) => {
    const range = rangeOf(query, deps.clock.now());
    const by = query.by === 'run' ? 'workflow' : query.by;
    const [report, strays] = await Promise.all([
      reportOf(by, range, query.zone, deps),
      deps.store.strays(range.from, range.to, MAX_STRAYS),
    ]);
    const page = query.by === 'run' ? await runsOf(range, query, deps) : rowsOf(by, report);
    return json({
      from: iso(range.from),
      to: iso(range.to),
      zone: query.zone,
      by: query.by,
      ...page,
      total: costRowView(report.total),
      formulas: FORMULAS,
      strays: strays.map((stray) => strayView(stray, priceOf(stray.agentId, deps))),
    });
  },
});

interface Range {
  from: number;
  to: number;
}

/** @throws Problem when the time is empty or too long */
function rangeOf(
  query: { from?: string | undefined; to?: string | undefined; zone: string },
  now: number,
): Range {
  const { from, to, zone } = query;
  const end = to === undefined ? now : instantOf(to, zone, 'end');
  const begin = from ?? dateAt(zone, end - 1 - (DEFAULT_DAYS - 1) * DAY_MS);
  const range = {
    from: quarterOf(instantOf(begin, zone, 'start')),
    to: quarterOf(end + QUARTER_MS - 1),
  };
  const refuse = (message: string) => {
    const field = from === undefined ? 'query.to' : 'query.from';
    return new Problem('invalid-request', { detail: `${field}: ${message}`, errors: [{ field, message }] });
  };
  if (range.from >= range.to) throw refuse('from has to be before to');
  if (range.to - range.from > MAX_DAYS * DAY_MS) throw refuse(`ask for at most ${MAX_DAYS} days at once`);
  return range;
}

function instantOf(text: string, zone: string, edge: 'start' | 'end'): number {
  if (text.includes('T')) return Date.parse(text);
  const next = new Date(Date.parse(text) + DAY_MS).toISOString().slice(0, 10);
  return startOfDay(zone, edge === 'start' ? text : next);
}

async function reportOf(by: CostGroup, range: Range, zone: string, deps: AppDeps): Promise<CostReport> {
  const { store, clock } = deps;
  const days = by === 'day' ? daysBetween(zone, range.from, range.to) : [];
  const bounds = by === 'day' ? [...days.map((d) => d.from), range.to] : [range.from, range.to];
  const [totals, first = range.to] = await Promise.all([store.costTotals(by, bounds), store.firstCost()]);
  const now = clock.now();
  const calendar = ({ from, to }: Range) => clamp(now, from, to) - clamp(first, from, clamp(now, from, to));
  const calendarMs = { days: days.map(calendar), whole: calendar(range) };
  const price = (agentId: string) => priceOf(agentId, deps);
  const report = costReport({ by, totals, calendarMs, price });
  const named = report.rows.map((row) => ({ ...row, key: days[Number(row.key)]?.date ?? row.key }));
  return by === 'day' ? { ...report, rows: named } : report;
}

/** Days in order; everything else the dearest first. */
function rowsOf(by: CostGroup, { rows }: CostReport) {
  const money = ({ figures }: CostRow) => figures.capsuleCost + figures.modelCost;
  const byKey = (a: CostRow, b: CostRow) => (a.key < b.key ? -1 : 1);
  const dearest = (a: CostRow, b: CostRow) =>
    money(a) === money(b) ? byKey(a, b) : money(a) < money(b) ? 1 : -1;
  const items = [...rows].sort(by === 'day' ? byKey : dearest).map((row) => costRowView(row));
  return { items, nextCursor: null };
}

async function runsOf(
  { from, to }: Range,
  query: { limit: number; cursor?: string | undefined },
  deps: AppDeps,
) {
  const filter = { createdAfter: from, createdBefore: to };
  const { items, nextCursor } = await deps.store.runs(filter, query.limit, query.cursor);
  const lines = await deps.store.stepCosts(items.map((run) => run.id));
  const rows = items.map(({ id, workflowId }) => {
    const mine = lines.filter((line) => line.runId === id);
    const figures = mine.reduce((sum, line) => add(sum, line.figures), NO_FIGURES);
    return costRowView({ key: id, figures }, workflowId);
  });
  return { items: rows, nextCursor };
}

const priceOf = (agentId: string, { registry }: Pick<AppDeps, 'registry'>): number | undefined =>
  registry.findAgent(agentId)?.pricePerReplicaHourUsd;

function isZone(text: string): boolean {
  try {
    offsetAt(text, 0);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
