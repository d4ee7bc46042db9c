/** Flow control in memory: the rules of `007_flow.sql`, on maps. */
import { tokenAt, withoutToken, type Deduplication } from '../../domain/flow';
import { isTerminal } from '../../domain/run';
import type { FlowStore } from '../flow';
import type { RunChange } from '../store';
import { compare } from './order';
import { clone } from './commit';
import { idempotencyId, type Tables } from './tables';

/** A run that waits to start or is under way, with what it takes. */
export interface FlowRow {
  runId: string;
  workflowId: string;
  priority: number;
  turn: string;
  createdAt: number;
  notBefore: number;
  debounce?: string;
  gates: string[];
  started: boolean;
}

export class FlowTables {
  readonly runs = new Map<string, FlowRow>();
  /** By workflow and turn. */
  readonly turns = new Map<string, { workflowId: string; served: number; at: number }>();
  readonly buckets = new Map<string, number>();
  readonly keys = new Map<string, Pick<Deduplication, 'until'> & { runId: string }>();
}

const startsNow = ({ flow }: Tables, { expect, state }: RunChange): boolean =>
  state.status === 'running' && (expect === 0 || flow.runs.get(state.id)?.started === false);

const heldAt = ({ flow }: Tables, gate: string): number =>
  [...flow.runs.values()].filter((r) => r.started && r.gates.includes(gate)).length;

/** Whether a run's start is refused. */
export function flowRefuses(tables: Tables, change: RunChange, now: number): boolean {
  const { flow } = change.state;
  if (!flow || !startsNow(tables, change)) return false;
  if (flow.notBefore !== undefined && flow.notBefore > now) return true;
  if (flow.gates.some((gate) => heldAt(tables, gate.id) >= gate.limit)) return true;
  return flow.rate !== undefined && tokenAt(tables.flow.buckets.get(flow.rate.id) ?? 0, now, flow.rate) > now;
}

export function applyFlow(tables: Tables, change: RunChange, now: number): void {
  const { id, flow, status, workflowId, createdAt, priority = 0 } = change.state;
  if (!flow) return;
  if (isTerminal(status)) return void tables.flow.runs.delete(id);
  const starts = startsNow(tables, change);
  if (change.expect === 0) {
    tables.flow.runs.set(id, {
      ...{ runId: id, workflowId, priority, turn: flow.turn, createdAt, started: starts },
      notBefore: flow.notBefore ?? 0,
      ...(flow.debounce && { debounce: flow.debounce.key }),
      gates: flow.gates.map((gate) => gate.id),
    });
  }
  const row = tables.flow.runs.get(id);
  if (!starts || !row) return;
  row.started = true;
  const { turns, buckets } = tables.flow;
  const served = [...turns.values()].filter((t) => t.workflowId === workflowId).map((t) => t.served);
  const next = Math.max(0, ...served) + 1;
  turns.set(idempotencyId(workflowId, flow.turn), { workflowId, served: next, at: now });
  if (flow.rate) buckets.set(flow.rate.id, withoutToken(buckets.get(flow.rate.id) ?? 0, now, flow.rate));
}

/** The run that a key stands for by now. */
export function duplicateOf(tables: Tables, asked: Deduplication, now: number): string | undefined {
  const known = tables.flow.keys.get(idempotencyId(asked.scope, asked.key));
  return known && known.until > now ? known.runId : undefined;
}

export function purgeFlow({ flow }: Tables, before: number): void {
  for (const [key, { at }] of flow.turns) if (at < before) flow.turns.delete(key);
  for (const [key, { until }] of flow.keys) if (until < before) flow.keys.delete(key);
  for (const [key, fullAt] of flow.buckets) if (fullAt < before * 1_000) flow.buckets.delete(key);
}

const byAge = (a: FlowRow, b: FlowRow): number => a.createdAt - b.createdAt || compare(a.runId, b.runId);

export function memoryFlow(tables: Tables): FlowStore {
  const rows = () => [...tables.flow.runs.values()];
  const queued = () => rows().filter((r) => !r.started);
  const servedAt = (r: FlowRow) => tables.flow.turns.get(idempotencyId(r.workflowId, r.turn))?.served ?? 0;
  return {
    flowWorkflows: async (limit) =>
      [...new Set(queued().map((r) => r.workflowId))].sort(compare).slice(0, limit),
    flowHeads: async (workflowId, now, limit) => {
      const heads = new Map<string, FlowRow>();
      for (const row of queued().filter((r) => r.workflowId === workflowId && r.notBefore <= now)) {
        const line = JSON.stringify([row.priority, row.turn]);
        const first = heads.get(line);
        if (!first || byAge(row, first) < 0) heads.set(line, row);
      }
      return [...heads.values()]
        .sort((a, b) => b.priority - a.priority || servedAt(a) - servedAt(b) || byAge(a, b))
        .slice(0, limit)
        .flatMap(({ runId, priority }) => {
          const flow = tables.runs.get(runId)?.state.flow;
          return flow ? [{ runId, priority, flow: clone(flow) }] : [];
        });
    },
    flowUse: async (gates, buckets) => ({
      held: new Map(gates.map((gate) => [gate, heldAt(tables, gate)] as const).filter(([, n]) => n > 0)),
      fullAtUs: new Map(
        buckets.flatMap((id) => {
          const at = tables.flow.buckets.get(id);
          return at === undefined ? [] : [[id, at] as const];
        }),
      ),
    }),
    flowMembers: async (gate, limit) =>
      rows()
        .filter((r) => r.gates.includes(gate))
        .sort(byAge)
        .slice(0, limit)
        .map(({ runId, createdAt, started }) => ({ runId, createdAt, started })),
    flowPutOff: async (key, limit) =>
      queued()
        .filter((r) => r.debounce === key)
        .sort(byAge)
        .slice(0, limit)
        .map(({ runId, createdAt }) => ({ runId, createdAt })),
  };
}
