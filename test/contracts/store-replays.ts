import type { NewReplay } from '../../src/store/replays';
import type { Store } from '../../src/store/store';
import { runId, T0 } from './store-fixtures';

const replay = (n: number, over: Partial<NewReplay> = {}): NewReplay => ({
  id: runId(n),
  key: `key-${n}`,
  fingerprint: 'f',
  actor: 'local',
  createdAt: T0 + n,
  request: { filter: { workflowId: 'audit', status: 'failed' }, fromStep: 'failed', limit: 10 },
  runIds: [runId(100), runId(101)],
  ...over,
});

export function replayContract(open: () => Store): void {
  describe('replays', () => {
    it('keeps a replay, and knows it again by its key', async () => {
      const store = open();
      const kept = { ...replay(1), outcomes: [] };
      expect(await store.addReplay(replay(1))).toEqual(kept);
      expect(await store.addReplay(replay(2, { key: 'key-1', fingerprint: 'other' }))).toEqual(kept);
      expect(await store.replay(runId(1))).toEqual(kept);
      expect(await store.replay(runId(2))).toBeUndefined();
    });

    it('gives each to one worker at a time, the oldest first, until the claim runs out', async () => {
      const store = open();
      for (const n of [3, 1, 2]) await store.addReplay(replay(n));
      const claims = await Promise.all([1, 2, 3].map(() => store.claimReplays(T0, T0 + 10, 2)));
      expect(
        claims
          .flat()
          .map((r) => r.id)
          .sort(),
      ).toEqual([1, 2, 3].map(runId));
      expect(await store.claimReplays(T0 + 9, T0 + 20, 5)).toEqual([]);
      const again = await store.claimReplays(T0 + 10, T0 + 20, 2);
      expect(again.map((r) => r.id)).toEqual([1, 2].map(runId));
    });

    it('goes on from what was done, and drops what others did before', async () => {
      const store = open();
      await store.addReplay(replay(1));
      await store.claimReplays(T0, T0 + 10, 5);
      const first = { kind: 'started' as const, runId: runId(200) };
      await store.progressReplay(runId(1), 0, [first]);
      const [claimed] = await store.claimReplays(T0, T0 + 10, 5);
      expect(claimed?.outcomes).toEqual([first]);
      await store.progressReplay(runId(1), 0, [{ kind: 'skipped', reason: 'late' }], T0 + 5);
      const second = { kind: 'skipped' as const, reason: 'it was removed' };
      await store.progressReplay(runId(1), 1, [second], T0 + 6);
      expect(await store.replay(runId(1))).toMatchObject({ outcomes: [first, second], finishedAt: T0 + 6 });
      expect(await store.claimReplays(T0 + 100, T0 + 200, 5)).toEqual([]);
    });

    it('forgets with the retention', async () => {
      const store = open();
      for (const n of [1, 2]) await store.addReplay(replay(n));
      expect(await store.purgeReplays(T0 + 2)).toBe(1);
      expect(await store.replay(runId(1))).toBeUndefined();
      expect(await store.replay(runId(2))).toBeDefined();
    });
  });
}
