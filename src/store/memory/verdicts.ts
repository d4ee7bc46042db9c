import type { StageVerdict } from '../../domain/release/validation';
import type { ReleaseStore } from '../release-store';
import type { VerdictStore } from '../verdict-store';
import { clone, commit } from './commit';
import { compare } from './order';
import type { Tables } from './tables';

/** The rules of `postgres/verdicts.ts`, on a list. */
export function memoryVerdicts(tables: Tables, { keepPart }: Pick<ReleaseStore, 'keepPart'>): VerdictStore {
  const kept: StageVerdict[] = [];
  return {
    addVerdict: async (verdict, evidence, entry) => {
      await keepPart(verdict.evidence, evidence);
      kept.push(clone(verdict));
      commit(tables, { at: entry.at, ledger: [entry] });
    },
    verdictsOf: async (releaseId, limit) =>
      clone(kept.filter((v) => v.releaseId === releaseId))
        .sort((a, b) => b.at - a.at || compare(b.id, a.id))
        .slice(0, limit),
  };
}
