import { environmentId, type Environment } from '../../domain/release/environment';
import type { Release } from '../../domain/release/manifest';
import { isRolloutOver, type Rollout } from '../../domain/rollout/rollout';
import { toPage, type Cursor } from '../cursor';
import type { LedgerEntry } from '../../domain/ledger';
import type { ReleaseStore, ReleaseWork } from '../release-store';
import type { Versioned } from '../store';
import { clone, commit } from './commit';
import { compare, newest } from './order';
import type { Tables } from './tables';
import { memoryVerdicts } from './verdicts';

const keyOf = ({ createdAt, id }: Release | Rollout): Cursor => ({ at: createdAt, id });

/** The rules of `postgres/releases.ts`, on maps. */
export function memoryReleases(tables: Tables): ReleaseStore {
  const note = (entry: LedgerEntry) => commit(tables, { at: entry.at, ledger: [entry] });
  const kept = releases(note);
  return {
    ...kept,
    ...environments(note),
    ...rollouts(note),
    ...work(),
    ...memoryVerdicts(tables, kept),
  };
}

type Note = (entry: LedgerEntry) => void;

function releases(
  note: Note,
): Pick<ReleaseStore, 'addRelease' | 'release' | 'releases' | 'releasePart' | 'keepPart'> {
  const kept = new Map<string, Release>();
  const contents = new Map<string, Buffer>();
  return {
    addRelease: async (release, parts, entry) => {
      for (const [sha256, content] of parts)
        if (!contents.has(sha256)) contents.set(sha256, Buffer.from(content));
      const known = kept.get(release.id);
      if (known) return { kind: 'known', release: clone(known) };
      kept.set(release.id, clone(release));
      note(entry);
      return { kind: 'added', release: clone(release) };
    },
    release: async (id) => clone(kept.get(id)),
    releases: async ({ agentId }, limit, cursor) => {
      const all = [...kept.values()].filter((r) => agentId === undefined || r.agentId === agentId);
      return toPage(clone(newest(all, keyOf, limit, cursor)), limit, keyOf);
    },
    keepPart: async (sha256, content) => {
      if (!contents.has(sha256)) contents.set(sha256, Buffer.from(content));
    },
    releasePart: async (sha256) => contents.get(sha256),
  };
}

function environments(note: Note): Pick<ReleaseStore, 'environments' | 'environment' | 'saveEnvironment'> {
  const kept = new Map<string, Environment>();
  return {
    environments: async () =>
      clone([...kept.values()].sort((a, b) => compare(a.agentId, b.agentId) || compare(a.name, b.name))),
    environment: async (agentId, name) => clone(kept.get(environmentId({ agentId, name }))),
    saveEnvironment: async (env, expect, entry) => {
      if ((kept.get(environmentId(env))?.fence ?? 0) !== expect) return false;
      kept.set(environmentId(env), clone(env));
      note(entry);
      return true;
    },
  };
}

function rollouts(
  note: Note,
): Pick<
  ReleaseStore,
  'rollout' | 'openRollout' | 'openRollouts' | 'rollouts' | 'saveRollout' | 'purgeRollouts'
> {
  const kept = new Map<string, Versioned<Rollout>>();
  const openOf = (agentId: string, environment: string) =>
    [...kept.values()].find(
      ({ state }) =>
        state.agentId === agentId && state.environment === environment && !isRolloutOver(state.status),
    );
  return {
    rollout: async (id) => clone(kept.get(id)),
    openRollout: async (agentId, environment) => clone(openOf(agentId, environment)),
    openRollouts: async () =>
      clone([...kept.values()].map(({ state }) => state).filter(({ status }) => !isRolloutOver(status))),
    rollouts: async (limit, cursor) => {
      const all = [...kept.values()].map(({ state }) => state);
      return toPage(clone(newest(all, keyOf, limit, cursor)), limit, keyOf);
    },
    purgeRollouts: async (before, limit, entryFor) => {
      const over = [...kept]
        .filter(([, { state }]) => isRolloutOver(state.status) && (state.finishedAt ?? Infinity) < before)
        .slice(0, limit);
      for (const [id] of over) kept.delete(id);
      if (over.length > 0) note(entryFor(over.length));
      return over.length;
    },
    saveRollout: async (rollout, expect, entry) => {
      if ((kept.get(rollout.id)?.version ?? 0) !== expect) return false;
      if (expect === 0 && openOf(rollout.agentId, rollout.environment)) return false;
      kept.set(rollout.id, { state: clone(rollout), version: expect + 1 });
      note(entry);
      return true;
    },
  };
}

function work(): Pick<
  ReleaseStore,
  'noteWork' | 'endWork' | 'openWork' | 'workOfRun' | 'workOfRelease' | 'purgeWork'
> {
  const kept = new Map<string, ReleaseWork>();
  const keyOfWork = ({ runId, stepId, attempt }: ReleaseWork) => JSON.stringify([runId, stepId, attempt]);
  return {
    noteWork: async (done) => {
      if (!kept.has(keyOfWork(done))) kept.set(keyOfWork(done), clone(done));
    },
    endWork: async (done) => {
      const known = kept.get(keyOfWork(done));
      if (!known?.ended) kept.set(keyOfWork(done), clone({ ...(known ?? done), ended: done.ended }));
    },
    openWork: async (before, limit) =>
      clone([...kept.values()].filter((w) => !w.ended && w.at < before))
        .sort((a, b) => a.at - b.at)
        .slice(0, limit),
    purgeWork: async (before, limit) => {
      const over = [...kept].filter(([, w]) => w.ended && w.at < before).slice(0, limit);
      for (const [key] of over) kept.delete(key);
      return over.length;
    },
    workOfRun: async (runId) =>
      clone([...kept.values()].filter((w) => w.runId === runId)).sort(
        (a, b) => a.at - b.at || compare(a.stepId, b.stepId) || a.attempt - b.attempt,
      ),
    workOfRelease: async (releaseId, limit, since = 0) =>
      clone([...kept.values()].filter((w) => w.releaseId === releaseId && w.at >= since))
        .sort((a, b) => b.at - a.at || compare(b.runId, a.runId))
        .slice(0, limit),
  };
}
