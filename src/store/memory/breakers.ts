/** Breakers and rates in memory: the rules of `015_breakers.sql`, on maps. */
import type { BreakerState } from '../../domain/breaker';
import { tokenAt, tokenUs, withoutToken } from '../../domain/flow';
import type { BreakerStore } from '../breakers';
import type { LeaseChange } from '../store';
import { clone, commit } from './commit';
import { compare } from './order';
import type { Tables } from './tables';

export type BreakerTable = Map<string, { state: BreakerState; version: number }>;

export function memoryBreakers(tables: Tables): BreakerStore {
  const { breakers } = tables;
  return {
    breaker: async (agentId) => clone(breakers.get(agentId)),
    breakers: async (limit) =>
      [...breakers.values()]
        .map(({ state }) => clone(state))
        .sort((a, b) => compare(a.agentId, b.agentId))
        .slice(0, limit),
    saveBreaker: async (state, version, entry) => {
      if ((breakers.get(state.agentId)?.version ?? 0) !== version) return false;
      breakers.set(state.agentId, { state: clone(state), version: version + 1 });
      if (entry) commit(tables, { at: entry.at, ledger: [entry] });
      return true;
    },
    holdBucket: async (bucket, fullAtUs) => {
      const { buckets } = tables.flow;
      buckets.set(bucket, Math.max(buckets.get(bucket) ?? 0, fullAtUs));
    },
  };
}

/** How many of those who may wait for an agent its breaker leaves. */
export function breakerLeaves({ breakers }: Tables, agentId: string, waiting: number): number {
  const state = breakers.get(agentId)?.state;
  if (!state || state.status === 'closed') return waiting;
  return state.status === 'open' || state.trial ? 0 : Math.min(1, waiting);
}

/** Whether a grant may be made, after as many others of the same change. */
export function mayBegin(
  tables: Tables,
  agentId: string,
  { rates = [] }: LeaseChange,
  now: number,
  before: number,
): boolean {
  if (breakerLeaves(tables, agentId, before + 1) <= before) return false;
  return rates.every((rate) => {
    const full = Math.max(tables.flow.buckets.get(rate.id) ?? 0, now * 1_000) + tokenUs(rate) * before;
    return tokenAt(full, now, rate) <= now;
  });
}

/** A grant is made: it takes its tokens, and the trial of a half-open breaker. */
export function applyBegin(
  tables: Tables,
  agentId: string,
  runId: string,
  change: LeaseChange,
  now: number,
): void {
  const { buckets } = tables.flow;
  for (const rate of change.rates ?? [])
    buckets.set(rate.id, withoutToken(buckets.get(rate.id) ?? 0, now, rate));
  const known = tables.breakers.get(agentId);
  if (known?.state.status !== 'half-open' || known.state.trial) return;
  const { stepId, attempt } = change;
  known.state = { ...known.state, trial: { runId, stepId, attempt } };
  known.version += 1;
}
