import type { LedgerEntry } from '../../domain/ledger';
import type { FollowedBuild, RedeployEnd, RedeployRecord, RedeployStore } from '../redeploys';
import { commit } from './commit';
import type { Tables } from './tables';

export interface RedeployRow extends RedeployRecord {
  agentId: string;
  key: string;
  end?: RedeployEnd;
}

/** The rules of `postgres/redeploys.ts`, on a list. */
export function memoryRedeploys(tables: Tables): RedeployStore {
  const of = (agentId: string) => tables.redeploys.filter((row) => row.agentId === agentId);
  return {
    claimRedeploy: async ({ staleBefore, ...claim }) => {
      for (const row of of(claim.agentId)) if (row.at < staleBefore) row.open = false;
      const known = of(claim.agentId).find((row) => row.key === claim.key);
      if (known) {
        const { agentId: _agentId, key: _key, end: _end, ...record } = known;
        return { kind: 'known', record };
      }
      if (of(claim.agentId).some((row) => row.open)) return { kind: 'busy' };
      tables.redeploys.push({ ...claim, open: true });
      return { kind: 'claimed' };
    },
    settleRedeploy: async (id, buildId) => {
      const row = tables.redeploys.find((each) => each.id === id);
      if (row) Object.assign(row, { open: false, ...(buildId !== undefined && { buildId }) });
    },
    followedBuilds: async (limit) =>
      tables.redeploys
        .flatMap(({ id, agentId, buildId, at, end }): FollowedBuild[] =>
          buildId === undefined || end ? [] : [{ id, agentId, buildId, at }],
        )
        .sort((a, b) => a.at - b.at)
        .slice(0, limit),
    endRedeploy: async (id, end, entry: LedgerEntry) => {
      const row = tables.redeploys.find((each) => each.id === id && !each.end);
      if (!row) return false;
      row.end = end;
      commit(tables, { at: end.at, ledger: [entry] });
      return true;
    },
    dropRedeploy: async (id) => {
      tables.redeploys = tables.redeploys.filter((row) => row.id !== id);
    },
  };
}
