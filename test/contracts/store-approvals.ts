import { memoEntry } from '../../src/domain/approval/entry';
import type { Memo } from '../../src/domain/approval/memo';
import { verifyChain } from '../../src/domain/ledger';
import type { Act } from '../../src/domain/oversight/act';
import { levelEntry, NOTHING_YET, type LevelRecord } from '../../src/domain/oversight/level';
import type { Store } from '../../src/store/store';
import { ALL, committed, create, newRun, over, refused, runId, T0, update } from './store-fixtures';

const memoOf = (n: number, more: Partial<Memo> = {}): Memo => ({
  ...{ id: runId(900 + n), runId: runId(n), workflowId: 'audit', stepId: 'crawl', attempt: 2 },
  ...{ kind: 'action', agentId: 'crawler', title: `May it? ${n}`, recommendation: 'Let it.', reasons: ['x'] },
  ...{ risk: 2, costUsd: 1.5, onNo: 'Nothing.', evidence: { actions: [{ type: 'post' }], actionCount: 1 } },
  ...{ rules: ['risk'], round: 1, mayRevise: true, requestedAt: T0 + n, expiresAt: T0 + 99, quorum: 1 },
  ...{ state: 'requested', decisions: [] },
  ...more,
});

const actOf = (n: number, more: Partial<Act> = {}): Act => ({
  ...{ agentId: 'crawler', runId: runId(n), stepId: 'crawl', attempt: 3, at: T0 + n, actions: 2 },
  ...{ types: ['post'], supervised: true, costUsd: 0, level: 'supervised', succeeded: true },
  ...more,
});

export function approvalContract(open: () => Store): void {
  describe('approvals', () => {
    const ask = async (n: number, more: Partial<Memo> = {}) => {
      const memo = memoOf(n, more);
      const asked = memoEntry(undefined, memo, { at: T0, actor: 'engine' });
      const change = create(newRun(n), { memos: [memo] });
      await committed(open(), { ...change, ledger: [asked, ...change.ledger] });
      return memo;
    };
    const did = async (n: number, ...acts: Act[]) => await committed(open(), { ...create(newRun(n)), acts });

    it('are kept with the run that asks, as they are now', async () => {
      const memo = await ask(1);
      await expect(open().memo(memo.id)).resolves.toEqual(memo);
      const vote = { by: 'key:1', owner: 'ben', verdict: 'approve' as const, at: T0 + 5 };
      const next: Memo = { ...memo, state: 'approved', decisions: [vote], decidedAt: T0 + 5 };
      await committed(open(), { ...update(newRun(1), 1), memos: [next] });
      await expect(open().memo(memo.id)).resolves.toEqual(next);
      await expect(open().memo(runId(1))).resolves.toBeUndefined();
      expect(verifyChain(await open().ledger(0, ALL))).toMatchObject({ ok: true });
    });

    it('leave no trace of a change that lost its race', async () => {
      const memo = await ask(1);
      const late = {
        ...update(newRun(1), 7),
        memos: [{ ...memo, state: 'approved' as const }],
        acts: [actOf(1)],
      };
      await expect(open().commit(late)).resolves.toEqual(refused('run'));
      await expect(open().memo(memo.id)).resolves.toEqual(memo);
      await expect(open().standing('crawler')).resolves.toMatchObject({ counts: NOTHING_YET });
    });

    it('are listed newest first, by what they are about, page by page', async () => {
      await ask(1);
      await ask(2, { state: 'rejected' });
      await ask(3, { agentId: 'writer' });
      const ids = (page: { items: Memo[] }) => page.items.map(({ id }) => id);
      const first = await open().memos({}, 2);
      expect(ids(first)).toEqual([runId(903), runId(902)]);
      expect(ids(await open().memos({}, 2, first.nextCursor ?? ''))).toEqual([runId(901)]);
      expect(ids(await open().memos({ state: 'requested' }, 9))).toEqual([runId(903), runId(901)]);
      expect(ids(await open().memos({ agentId: 'crawler', state: 'requested' }, 9))).toEqual([runId(901)]);
      expect(ids(await open().memos({ runId: runId(2) }, 9))).toEqual([runId(902)]);
    });

    it('go with their run', async () => {
      const memo = await ask(1);
      await committed(open(), update(over(newRun(1), 'succeeded', T0 + 9), 1));
      await open().purge(T0 + 10, 10);
      await expect(open().memo(memo.id)).resolves.toBeUndefined();
    });

    it('count what agents did, anew after each incident', async () => {
      await expect(open().standing('crawler')).resolves.toEqual({
        agentId: 'crawler',
        known: [],
        counts: NOTHING_YET,
      });
      await did(1, actOf(1), actOf(1, { types: ['mail', 'post'], supervised: false }));
      const known = ['mail', 'post'];
      await expect(open().standing('crawler')).resolves.toEqual({
        agentId: 'crawler',
        known,
        counts: { supervisedActions: 2, incidents: 0 },
        tally: { tasks: 2, succeeded: 2, stated: 0, statedSum: 0, statedSucceeded: 0 },
      });
      await did(2, actOf(2, { incident: 'did too much', types: ['delete'], confidence: 0.25 }));
      await did(3, actOf(3, { succeeded: false, confidence: 0.5 }), actOf(3, { agentId: 'writer' }));
      await expect(open().standing('crawler')).resolves.toEqual({
        agentId: 'crawler',
        known,
        counts: { supervisedActions: 2, incidents: 1 },
        tally: { tasks: 4, succeeded: 3, stated: 2, statedSum: 0.75, statedSucceeded: 1 },
        lastIncident: { at: T0 + 2, text: 'did too much', runId: runId(2) },
      });
    });

    it('keep levels, each change once, with its entry', async () => {
      const level = (version: number, over: Partial<LevelRecord> = {}): LevelRecord => ({
        ...{ level: 'autonomous', since: T0, reason: 'went well', actor: 'engine', version },
        base: { supervisedActions: 50, incidents: 0 },
        ...over,
      });
      const set = (record: LevelRecord) =>
        open().setLevel('crawler', record, levelEntry('crawler', record, 'supervised'));
      await expect(set(level(2))).resolves.toBe(false);
      const racing = await Promise.all([set(level(1)), set(level(1))]);
      expect(racing.sort()).toEqual([false, true]);
      await expect(open().standing('crawler')).resolves.toMatchObject({ level: level(1) });
      const back = level(2, { level: 'supervised', reason: 'incident' });
      await expect(set(back)).resolves.toBe(true);
      await expect(set(level(2))).resolves.toBe(false);
      await expect(open().standing('crawler')).resolves.toMatchObject({ level: back });
      const actions = (await open().ledger(0, ALL)).map(
        ({ body }) => (JSON.parse(body) as { action: string }).action,
      );
      expect(actions).toEqual(['oversight.promoted', 'oversight.supervised']);
    });
  });
}
