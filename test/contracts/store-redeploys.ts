import type { RedeployClaim } from '../../src/store/redeploys';
import type { Store } from '../../src/store/store';
import { runId, T0 } from './store-fixtures';

const claim = (n: number, over: Partial<RedeployClaim> = {}): RedeployClaim => ({
  id: runId(n),
  agentId: 'crawler',
  key: `key-${n}`,
  fingerprint: 'f',
  at: T0 + n,
  staleBefore: T0 - 60_000,
  newestBefore: 'build-0',
  ...over,
});

export function redeployContract(open: () => Store): void {
  describe('redeploys', () => {
    it('lets one request at a time ask for a build of an agent', async () => {
      const store = open();
      const rivals = Array.from({ length: 10 }, (_, n) => store.claimRedeploy(claim(n)));
      const kinds = (await Promise.all(rivals)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1);
      expect(kinds.filter((kind) => kind === 'busy')).toHaveLength(9);
      await expect(store.claimRedeploy(claim(20, { agentId: 'writer' }))).resolves.toEqual({
        kind: 'claimed',
      });
    });

    it('knows a key again, with what became of it', async () => {
      const store = open();
      await store.claimRedeploy(claim(1));
      const record = { id: runId(1), fingerprint: 'f', at: T0 + 1, newestBefore: 'build-0', open: true };
      const again = claim(2, { key: 'key-1', fingerprint: 'other' });
      await expect(store.claimRedeploy(again)).resolves.toEqual({ kind: 'known', record });
      await store.settleRedeploy(runId(1), 'build-1');
      const settled = { ...record, open: false, buildId: 'build-1' };
      await expect(store.claimRedeploy(again)).resolves.toEqual({ kind: 'known', record: settled });
      await expect(store.claimRedeploy(claim(3))).resolves.toEqual({ kind: 'claimed' });
    });

    it('keeps a settled claim without a build, and takes the build when it is found', async () => {
      const store = open();
      const first = claim(1);
      delete first.newestBefore;
      await store.claimRedeploy(first);
      await store.settleRedeploy(runId(1));
      const known = await store.claimRedeploy(first);
      expect(known).toEqual({
        kind: 'known',
        record: { id: runId(1), fingerprint: 'f', at: T0 + 1, open: false },
      });
      await store.settleRedeploy(runId(1), 'build-1');
      await store.settleRedeploy(runId(1));
      await expect(store.claimRedeploy(first)).resolves.toMatchObject({ record: { buildId: 'build-1' } });
    });

    it('tells builds without an end, the oldest first, and takes each end once with its entry', async () => {
      const store = open();
      for (const n of [2, 1, 3]) {
        await store.claimRedeploy(claim(n, { agentId: `agent-${n}` }));
        if (n < 3) await store.settleRedeploy(runId(n), `build-${n}`);
      }
      const followed = (n: number) => ({
        id: runId(n),
        agentId: `agent-${n}`,
        buildId: `build-${n}`,
        at: T0 + n,
      });
      await expect(store.followedBuilds(10)).resolves.toEqual([followed(1), followed(2)]);
      await expect(store.followedBuilds(1)).resolves.toEqual([followed(1)]);
      const end = { at: T0 + 9, status: 'failed' as const };
      const set = { status: 'failed' };
      const entry = {
        at: T0 + 9,
        actor: 'test',
        action: 'redeploy.failed' as const,
        entity: 'redeploy' as const,
        id: runId(1),
        set,
      };
      await expect(store.endRedeploy(runId(1), end, entry)).resolves.toBe(true);
      await expect(store.endRedeploy(runId(1), end, entry)).resolves.toBe(false);
      await expect(store.followedBuilds(10)).resolves.toEqual([followed(2)]);
      const told = (await store.ledger(0, 10)).map(({ body }) => JSON.parse(body) as object);
      expect(told).toEqual([entry]);
    });

    it('forgets a claim that is dropped', async () => {
      const store = open();
      await store.claimRedeploy(claim(1));
      await store.dropRedeploy(runId(1));
      await expect(store.claimRedeploy(claim(2, { key: 'key-1' }))).resolves.toEqual({ kind: 'claimed' });
    });

    it('gives a claim up whose process is gone', async () => {
      const store = open();
      await store.claimRedeploy(claim(1));
      const late = claim(2, { at: T0 + 60_002, staleBefore: T0 + 2 });
      await expect(store.claimRedeploy(late)).resolves.toEqual({ kind: 'claimed' });
      const first = claim(1, { staleBefore: 0 });
      await expect(store.claimRedeploy(first)).resolves.toMatchObject({ record: { open: false } });
    });

    it('forgets keys with the retention', async () => {
      const store = open();
      await store.claimRedeploy(claim(1));
      await store.settleRedeploy(runId(1), 'build-1');
      await store.purge(T0 + 1, 10);
      await expect(store.claimRedeploy(claim(1))).resolves.toMatchObject({ kind: 'known' });
      await store.purge(T0 + 2, 10);
      await expect(store.claimRedeploy(claim(1))).resolves.toEqual({ kind: 'claimed' });
    });
  });
}
