/** The rules of `006_costs.sql`, on maps. */
import type { LeaseTime } from '../../domain/cost/timeline';
import type { Booking, StepLine, Stray, TotalLine, UsageReport } from '../../domain/cost/booking';
import type { CostGroup, CostTotal } from '../../domain/cost/report';
import { add, NO_FIGURES, type Figures } from '../../domain/cost/figures';
import type { RunState } from '../../domain/run';
import { MAX_LEASES_OF_SHIFT, type CostStore } from '../costs';
import type { StepResult } from '../store';
import { compare } from './order';
import { bookBudgets, type Who } from './budgets';
import type { LeaseRow, Tables } from './tables';

/** What of a lease's time was counted for budgets, and for whom. */
interface Counted {
  who?: Who;
  counted?: bigint;
}

type UsageKey = Pick<UsageReport, 'runId' | 'stepId' | 'attempt' | 'counted'>;

export class CostTables {
  readonly leaseTimes = new Map<string, Array<Omit<LeaseTime, 'workflowId'> & Counted>>();
  /** Shifts by capsule and generation. */
  readonly booked = new Set<string>();
  readonly unbooked = new Set<string>();
  readonly usageDue = new Map<string, UsageKey>();
  readonly steps = new Map<string, StepLine>();
  readonly totals = new Map<string, TotalLine>();
  strays: Stray[] = [];
}

const shiftKey = (capsuleId: string, generation: number): string => `${capsuleId}/${generation}`;
const usageKey = (k: UsageKey): string => JSON.stringify([k.runId, k.stepId, k.attempt, k.counted]);

export function noteShift({ costs }: Tables, key: string): void {
  if (!costs.booked.has(key)) costs.unbooked.add(key);
}

/** Keeps when a lease was held until its shift is booked. */
export function noteLease({ costs }: Tables, row: LeaseRow, now: number, counted: Counted = {}): void {
  const { runId, stepId, attempt, requestedAt, grantedAt = now } = row;
  const key = shiftKey(row.capsuleId, row.generation ?? 0);
  const times = costs.leaseTimes.get(key) ?? [];
  times.push({ runId, stepId, attempt, requestedAt, grantedAt, releasedAt: now, ...counted });
  costs.leaseTimes.set(key, times);
}

/** Remembers a result that reports usage until it is booked. */
export function noteUsage({ costs }: Tables, { result, ...key }: StepResult & { runId: string }): void {
  if (result.usage !== undefined) costs.usageDue.set(usageKey(key), key);
}

export function purgeCosts({ costs }: Tables, runIds: readonly string[]): void {
  const gone = new Set(runIds);
  for (const [key, { runId }] of costs.steps) if (gone.has(runId)) costs.steps.delete(key);
  for (const [key, { runId }] of costs.usageDue) if (gone.has(runId)) costs.usageDue.delete(key);
}

export function memoryCosts(tables: Tables): CostStore {
  return { ...shiftBooks(tables), ...usageBooks(tables), ...strayBooks(tables), ...costReads(tables) };
}

function shiftBooks(tables: Tables): Pick<CostStore, 'unbookedShifts' | 'bookShift'> {
  const { costs } = tables;
  const held = (capsuleId: string, generation: number): boolean =>
    [...tables.leases.values()].some(
      (l) => l.capsuleId === capsuleId && l.generation === generation && l.grantedAt !== undefined,
    );
  return {
    unbookedShifts: async (limit) =>
      [...costs.unbooked]
        .flatMap((key) => tables.shifts.get(key) ?? [])
        .filter((shift) => shift.zeroAt !== undefined)
        .filter((shift) => !held(shift.capsuleId, shift.generation))
        .sort((a, b) => a.requestedAt - b.requestedAt || compare(a.capsuleId, b.capsuleId))
        .slice(0, limit)
        .map((shift) => ({
          shift: structuredClone(shift),
          leases: (costs.leaseTimes.get(shiftKey(shift.capsuleId, shift.generation)) ?? [])
            .map(({ who: _, counted: __, ...l }) => ({
              ...l,
              workflowId: tables.runs.get(l.runId)?.state.workflowId ?? '',
            }))
            .sort(byGrant)
            .slice(0, MAX_LEASES_OF_SHIFT),
        })),
    bookShift: async ({ capsuleId, generation }, booking) => {
      const key = shiftKey(capsuleId, generation);
      if (!costs.unbooked.has(key)) return false;
      costs.booked.add(key);
      costs.unbooked.delete(key);
      bookBudgets(tables, costs.leaseTimes.get(key) ?? [], booking);
      costs.leaseTimes.delete(key);
      addCosts(tables, booking);
      return true;
    },
  };
}

function usageBooks(tables: Tables): Pick<CostStore, 'unbookedUsage' | 'bookUsage'> {
  const { costs } = tables;
  return {
    unbookedUsage: async (limit) =>
      [...costs.usageDue.values()]
        .flatMap((key) => reportOf(tables, key))
        .sort((a, b) => a.receivedAt - b.receivedAt || compare(usageKey(a), usageKey(b)))
        .slice(0, limit),
    bookUsage: async (key, booking) => {
      if (!costs.usageDue.delete(usageKey(key))) return false;
      addCosts(tables, booking);
      return true;
    },
  };
}

function reportOf(tables: Tables, key: UsageKey): UsageReport[] {
  const { runId, stepId, attempt, counted } = key;
  const row = tables.runs.get(runId);
  const same = (r: StepResult) => r.stepId === stepId && r.attempt === attempt && r.counted === counted;
  const found = row?.results.find(same);
  if (!row || !found) return [];
  const { state } = row;
  const plan = state.plan.find((p) => p.id === stepId);
  const reused = state.steps.some((s) => s.id === stepId && s.reusedFrom !== undefined);
  return [
    {
      ...{ runId, stepId, attempt, counted },
      workflowId: state.workflowId,
      agentId: plan?.kind === 'agent' ? plan.agentId : '',
      receivedAt: found.receivedAt,
      usage: reused ? [] : structuredClone(found.result.usage ?? []),
    },
  ];
}

function strayBooks(tables: Tables): Pick<CostStore, 'noteStray' | 'openStrays' | 'bookStray' | 'strays'> {
  const { costs } = tables;
  const open = () => costs.strays.filter((s) => s.endedAt === undefined);
  const newest = (a: Stray, b: Stray) => b.foundAt - a.foundAt || compare(a.capsuleId, b.capsuleId);
  return {
    noteStray: async (stray) => {
      const same = (s: Stray) => s.capsuleId === stray.capsuleId;
      const known = costs.strays.some(
        (s) => same(s) && (s.endedAt === undefined || s.foundAt === stray.foundAt),
      );
      if (!known) costs.strays.push({ ...stray });
    },
    openStrays: async (limit) =>
      open()
        .sort(newest)
        .slice(0, limit)
        .map((s) => ({ ...s })),
    bookStray: async ({ capsuleId, foundAt }, endedAt, booking) => {
      const stray = open().find((s) => s.capsuleId === capsuleId && s.foundAt === foundAt);
      if (!stray) return false;
      stray.endedAt = endedAt;
      addCosts(tables, booking);
      return true;
    },
    strays: async (from, to, limit) =>
      costs.strays
        .filter((s) => s.foundAt >= from && s.foundAt < to)
        .sort(newest)
        .slice(0, limit)
        .map((s) => ({ ...s })),
  };
}

function addCosts({ costs, runs }: Tables, { steps, totals }: Booking): void {
  for (const line of steps) {
    const { runId, stepId, model } = line;
    if (runs.has(runId)) grow(costs.steps, JSON.stringify([runId, stepId, model]), line);
  }
  for (const line of totals) {
    const { quarter, workflowId, agentId, model } = line;
    grow(costs.totals, JSON.stringify([quarter, workflowId, agentId, model]), line);
  }
}

function grow<T extends { figures: Figures }>(lines: Map<string, T>, key: string, line: T): void {
  const known = lines.get(key);
  lines.set(key, { ...line, figures: add(known?.figures ?? NO_FIGURES, line.figures) });
}

function costReads(tables: Tables): Pick<CostStore, 'costTotals' | 'firstCost' | 'stepCosts'> {
  const { costs, runs } = tables;
  return {
    costTotals: async (by, bounds) => totalsOf([...costs.totals.values()], by, bounds),
    firstCost: async () => {
      const quarters = [...costs.totals.values()].map((l) => l.quarter);
      return quarters.length === 0 ? undefined : Math.min(...quarters);
    },
    stepCosts: async (runIds) => {
      const lines = new Map<string, StepLine>();
      const wanted = new Set(runIds);
      for (const line of costs.steps.values()) {
        for (const { runId, stepId } of placesOf(line, (id) => runs.get(id)?.state)) {
          if (!wanted.has(runId)) continue;
          grow(lines, JSON.stringify([runId, stepId, line.model]), { ...line, runId, stepId });
        }
      }
      return [...lines].sort(([a], [b]) => compare(a, b)).map(([, line]) => line);
    },
  };
}

/** The step itself, and the steps whose work its run does, all the way up. */
function placesOf(
  { runId, stepId }: StepLine,
  runOf: (id: string) => RunState | undefined,
): Array<{ runId: string; stepId: string }> {
  const places = [{ runId, stepId }];
  for (
    let trigger = runOf(runId)?.trigger;
    trigger?.kind === 'step';
    trigger = runOf(trigger.runId)?.trigger
  ) {
    places.push({ runId: trigger.runId, stepId: trigger.stepId });
  }
  return places;
}

function totalsOf(lines: TotalLine[], by: CostGroup, bounds: readonly number[]): CostTotal[] {
  const totals = new Map<string, CostTotal>();
  for (const line of lines) {
    // The last bound at or before the quarter begins the day that it is part of.
    const day = bounds.findLastIndex((bound) => bound <= line.quarter);
    if (day < 0 || day >= bounds.length - 1) continue;
    const keys = { day: String(day), workflow: line.workflowId, agent: line.agentId, model: line.model };
    const { agentId, figures } = line;
    grow(totals, JSON.stringify([keys[by], agentId]), { key: keys[by], agentId, figures });
  }
  const all = [...totals.values()];
  return all.sort((a, b) => compare(a.key, b.key) || compare(a.agentId, b.agentId));
}

const byGrant = (a: LeaseTime, b: LeaseTime): number =>
  a.grantedAt - b.grantedAt ||
  compare(a.runId, b.runId) ||
  compare(a.stepId, b.stepId) ||
  a.attempt - b.attempt;
