import type { RedeployRecord, RedeployStore } from '../redeploys';
import type { Tables } from './tables';

export interface RedeployRow extends RedeployRecord {
  agentId: string;
  key: string;
}

/** The rules of `postgres/redeploys.ts`, on a list. */
export function memoryRedeploys(tables: Tables): RedeployStore {
  const of = (agentId: string) => tables.redeploys.filter((row) => row.agentId === agentId);
  return {
    claimRedeploy: async ({ staleBefore, ...claim }) => {
      for (const row of of(claim.agentId)) if (row.at < staleBefore) row.open = false;
      const known = of(claim.agentId).find((row) => row.key === claim.key);
      if (known) {
        const { agentId: _agentId, key: _key, ...record } = known;
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
    dropRedeploy: async (id) => {
      tables.redeploys = tables.redeploys.filter((row) => row.id !== id);
    },
  };
}
