import { fold, verifyChain, type LedgerEntry } from '../../src/domain/ledger';
import {
  changeEnvironment,
  environmentId,
  newEnvironment,
  projectEnvironment,
  type Environment,
} from '../../src/domain/release/environment';
import { projectRelease, releaseId, sha256, type Release } from '../../src/domain/release/manifest';
import { decideRollout, newRollout, projectRollout, type Rollout } from '../../src/domain/rollout/rollout';
import { STRATEGY_DEFAULTS } from '../../src/domain/rollout/strategy';
import type { Store } from '../../src/store/store';
import { runId, T0 } from './store-fixtures';

const PROMPT = Buffer.from('Be brief.\u0000\n');

function releaseOf(n: number, agentId = 'writer'): Release {
  const manifest: Release['manifest'] = {
    ...{ manifestVersion: 1, agentId, code: { tree: String(n).repeat(40) }, models: [] },
    prompts: [{ path: 'prompts/a.md', sha256: sha256(PROMPT) }],
    ...{ tools: [], permissions: [], contractVersion: 1, config: { n } },
  };
  return { id: releaseId(manifest), agentId, manifest, createdAt: T0 + n, createdBy: 'key:1' };
}

const entryOf = (
  entity: 'release' | 'environment' | 'rollout',
  id: string,
  set: Record<string, unknown>,
): LedgerEntry => ({ at: T0, actor: 'key:1', action: 'release.created', entity, id, set });

export function releaseContract(open: () => Store): void {
  const add = (release: Release) =>
    open().addRelease(
      release,
      new Map([[sha256(PROMPT), PROMPT]]),
      entryOf('release', release.id, projectRelease(release)),
    );
  const bodies = async () => {
    const entries = await open().ledger(0, 100);
    expect(verifyChain(entries)).toEqual({ ok: true, entries: entries.length });
    return entries.map(({ body }) => JSON.parse(body) as LedgerEntry);
  };

  describe('releases', () => {
    it('are kept once, with their parts and one entry', async () => {
      const release = { ...releaseOf(1), parent: 'b'.repeat(64) };
      await expect(add(release)).resolves.toEqual({ kind: 'added', release });
      const again = { ...releaseOf(1), createdAt: T0 + 99, createdBy: 'key:2' };
      await expect(add(again)).resolves.toEqual({ kind: 'known', release });
      await expect(open().release(release.id)).resolves.toEqual(release);
      await expect(open().release('f'.repeat(64))).resolves.toBeUndefined();
      const part = await open().releasePart(sha256(PROMPT));
      expect(part?.equals(PROMPT)).toBe(true);
      await expect(open().releasePart('f'.repeat(64))).resolves.toBeUndefined();
      expect((await bodies()).length).toBe(1);
    });

    it('are listed newest first, of one agent or of all', async () => {
      const all = [releaseOf(1), releaseOf(2, 'crawler'), releaseOf(3)];
      for (const release of all) await add(release);
      const ids = (items: Release[]) => items.map((r) => r.id);
      const one = await open().releases({}, 2);
      expect(ids(one.items)).toEqual([all[2]?.id, all[1]?.id]);
      const two = await open().releases({}, 2, one.nextCursor ?? '');
      expect([ids(two.items), two.nextCursor]).toEqual([[all[0]?.id], null]);
      expect(ids((await open().releases({ agentId: 'writer' }, 9)).items)).toEqual([all[2]?.id, all[0]?.id]);
    });
  });

  describe('environments', () => {
    const promoted = (env: Environment, id: string): Environment => {
      const decision = changeEnvironment(env, { type: 'promote', releaseId: id }, T0 + 1);
      if (!decision.ok) throw new Error(decision.reason);
      return decision.environment;
    };
    const save = (env: Environment, expect: number) =>
      open().saveEnvironment(
        env,
        expect,
        entryOf('environment', environmentId(env), projectEnvironment(env)),
      );

    it('are written by whoever saw the last fence; their pointers are the fold of the ledger', async () => {
      const first = promoted(newEnvironment('writer', 'prod', T0), 'a'.repeat(64));
      const second = promoted(first, 'b'.repeat(64));
      await expect(save(first, 0)).resolves.toBe(true);
      await expect(save(first, 0)).resolves.toBe(false);
      const races = await Promise.all([save(second, 1), save(promoted(first, 'c'.repeat(64)), 1)]);
      expect(races.filter(Boolean)).toHaveLength(1);
      const kept = (await open().environment('writer', 'prod')) as Environment;
      expect(kept).toMatchObject({ fence: 2, previous: 'a'.repeat(64) });
      await expect(open().environment('writer', 'dev')).resolves.toBeUndefined();
      const entries = await bodies();
      expect(entries).toHaveLength(2);
      expect(fold(entries)).toEqual(projectEnvironment(kept));
      const other = promoted(newEnvironment('crawler', 'prod', T0), 'd'.repeat(64));
      await save(other, 0);
      await expect(open().environments()).resolves.toEqual([other, kept]);
    });
  });

  describe('rollouts', () => {
    const rolloutOf = (n: number, environment = 'prod') =>
      newRollout({
        ...{ id: runId(n), agentId: 'writer', environment, candidate: 'c'.repeat(64) },
        ...{ strategy: STRATEGY_DEFAULTS['canary'], createdAt: T0 + n },
      });
    const save = (r: Rollout, expect: number) =>
      open().saveRollout(r, expect, entryOf('rollout', r.id, projectRollout(r)));

    it('are one at a time in an environment, written by whoever saw the last version', async () => {
      const first = rolloutOf(1);
      await expect(save(first, 0)).resolves.toBe(true);
      await expect(save(rolloutOf(2), 0)).resolves.toBe(false);
      await expect(save(rolloutOf(3, 'dev'), 0)).resolves.toBe(true);
      const aborting = decideRollout(first, { type: 'abort', reason: 'no' }, T0 + 5).state;
      const started = decideRollout(first, { type: 'start' }, T0 + 5).state;
      expect((await Promise.all([save(aborting, 1), save(started, 1)])).filter(Boolean)).toHaveLength(1);
      await save(aborting, 2);
      await expect(open().openRollout('writer', 'prod')).resolves.toEqual({ state: aborting, version: 3 });
      const over = decideRollout(aborting, { type: 'restored' }, T0 + 6).state;
      await expect(save(over, 3)).resolves.toBe(true);
      await expect(open().openRollout('writer', 'prod')).resolves.toBeUndefined();
      await expect(open().rollout(runId(1))).resolves.toEqual({ state: over, version: 4 });
      const entries = (await bodies()).filter((e) => e.id === runId(1));
      expect(fold(entries)).toEqual(projectRollout(over));
      await expect(save(rolloutOf(2), 0)).resolves.toBe(true);
      const page = await open().rollouts(2);
      expect(page.items.map((r) => r.id)).toEqual([runId(3), runId(2)]);
      expect((await open().rollouts(2, page.nextCursor ?? '')).items.map((r) => r.id)).toEqual([runId(1)]);
    });
  });

  describe('history', () => {
    it('goes once it is old: rollouts that are over, work that ended, and nothing else', async () => {
      const base = { runId: runId(1), attempt: 1, agentId: 'writer', releaseId: 'a'.repeat(64) };
      const work = (stepId: string, at: number) => ({ ...base, stepId, inputHash: '', at });
      const ended = { outcome: 'success' as const, at: T0 };
      for (const [id, at] of [
        ['old', T0],
        ['older', T0 - 1],
        ['new', T0 + 50],
      ] as const)
        await open().endWork({ ...work(id, at), ended });
      await open().noteWork(work('open', T0));
      const over = (n: number, finishedAt: number): Rollout => ({
        ...newRollout({
          ...{ id: runId(n), agentId: 'writer', environment: `env-${n}`, candidate: 'c'.repeat(64) },
          ...{ strategy: STRATEGY_DEFAULTS.direct, createdAt: T0 },
        }),
        ...{ status: 'done', finishedAt },
      });
      const underWay: Rollout = { ...over(3, T0), status: 'canary' };
      for (const r of [over(1, T0), over(2, T0 + 50), underWay])
        await open().saveRollout(r, 0, entryOf('rollout', r.id, {}));
      const told = (removed: number): LedgerEntry => ({
        ...{ at: T0, actor: 'engine', action: 'retention.removed', entity: 'retention', id: 'rollouts' },
        set: { removed },
      });
      await expect(open().purgeRollouts(T0 + 10, 9, told)).resolves.toBe(1);
      await expect(open().purgeRollouts(T0 + 10, 9, told)).resolves.toBe(0);
      const left = (await open().rollouts(9)).items.map((r) => r.id);
      expect(left.sort()).toEqual([runId(2), runId(3)].sort());
      expect((await bodies()).filter((e) => e.id === 'rollouts')).toMatchObject([{ set: { removed: 1 } }]);
      await expect(open().purgeWork(T0 + 10, 1)).resolves.toBe(1);
      await expect(open().purgeWork(T0 + 10, 9)).resolves.toBe(1);
      const kept = (await open().workOfRun(runId(1))).map((w) => w.stepId);
      expect(kept.sort()).toEqual(['new', 'open']);
    });
  });

  describe('the work of releases', () => {
    const work = (n: number, stepId: string, releaseId: string, at = T0 + n) => ({
      ...{ runId: runId(n), stepId, attempt: 1, agentId: 'writer', releaseId },
      ...{ inputHash: sha256(`${n}`), at },
    });
    it('is noted once, and found from either side', async () => {
      const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
      for (const w of [work(1, 'two', a, T0 + 9), work(1, 'one', a), work(2, 'one', b), work(3, 'one', a)])
        await open().noteWork(w);
      await open().noteWork({ ...work(1, 'one', b), at: T0 + 50 });
      await expect(open().workOfRun(runId(1))).resolves.toEqual([
        work(1, 'one', a),
        work(1, 'two', a, T0 + 9),
      ]);
      await expect(open().workOfRelease(a, 2)).resolves.toEqual([
        work(1, 'two', a, T0 + 9),
        work(3, 'one', a),
      ]);
      await expect(open().workOfRun(runId(9))).resolves.toEqual([]);
      await expect(open().workOfRelease(a, 9, T0 + 1_000)).resolves.toEqual([]);
    });

    it('notes how it ended, once', async () => {
      const a = 'a'.repeat(64);
      const work = { agentId: 'writer', releaseId: a, inputHash: 'c'.repeat(64), at: T0, attempt: 1 };
      const first = { ...work, runId: runId(1), stepId: 'one' };
      const never = { ...work, runId: runId(2), stepId: 'one', at: T0 + 1, shadow: true as const };
      await open().noteWork(first);
      await expect(open().openWork(T0 + 1, 9)).resolves.toEqual([first]);
      await expect(open().openWork(T0, 9)).resolves.toEqual([]);
      const ended = { outcome: 'success' as const, at: T0 + 5, durationMs: 5, costUsd: 0.5 };
      await open().endWork({ ...first, inputHash: '', ended });
      await open().endWork({ ...first, ended: { outcome: 'lost', at: T0 + 6 } });
      await open().endWork({ ...never, ended: { outcome: 'wake-failed', at: T0 + 7 } });
      await expect(open().openWork(T0 + 99, 9)).resolves.toEqual([]);
      await expect(open().workOfRelease(a, 9)).resolves.toEqual([
        { ...never, ended: { outcome: 'wake-failed', at: T0 + 7 } },
        { ...first, ended },
      ]);
    });
  });
}
