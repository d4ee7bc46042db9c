import type { StageVerdict } from '../../domain/release/validation';
import type { ReleaseStore } from '../release-store';
import type { VerdictStore } from '../verdict-store';
import { clone, commit } from './commit';
import { compare } from './order';
import type { Tables } from './tables';

/** The rules of `postgres/verdicts.ts`, on a list. */
export function memoryVerdicts(tables: Tables, { keepPart }: Pick<ReleaseStore, 'keepPart'>): VerdictStore {
  const kept: StageVerdict[] = [];
  const newest = (releaseId: string) =>
    kept.filter((v) => v.releaseId === releaseId).sort((a, b) => b.at - a.at || compare(b.id, a.id));
  return {
    addVerdict: async (verdict, evidence, entryFor) => {
      await keepPart(verdict.evidence, evidence);
      const [before] = newest(verdict.releaseId).filter(({ stage }) => stage === verdict.stage);
      const entry = entryFor(before?.verdict);
      kept.push(clone(verdict));
      commit(tables, { at: entry.at, ledger: [entry] });
    },
    verdictsOf: async (releaseId, limit) => clone(newest(releaseId).slice(0, limit)),
  };
}
