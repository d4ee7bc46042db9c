import { asleep } from '../../src/domain/capsule';
import type { EmergencyStop } from '../../src/domain/guard/emergency-stop';
import { stopEntry } from '../../src/domain/guard/emergency-stop';
import { switchEntry, type Switch, type SwitchChange } from '../../src/domain/guard/switch';
import { fold, verifyChain, type LedgerEntry } from '../../src/domain/ledger';
import type { Store } from '../../src/store/store';
import {
  activityOf,
  committed,
  create,
  declareAwake,
  lease,
  leases,
  newRun,
  onCapsule,
  refused,
  runId,
  setting,
  T0,
  verdict,
} from './store-fixtures';

const ID = 'crawler';

const switchOf = (n: number, over: Partial<Switch> = {}): Switch => ({
  id: runId(n),
  scope: 'global',
  subject: '',
  message: `reason ${n}`,
  owner: 'key:1',
  createdAt: T0 + n,
  ...over,
});

const entryOf = (change: SwitchChange, s: Switch, at = T0): LedgerEntry =>
  switchEntry(change, s, { at, actor: 'key:1' });

const stopOf = (n: number, over: Partial<EmergencyStop> = {}): EmergencyStop => ({
  ...{ id: runId(n), mode: 'cancel', message: 'stop', owner: 'key:1', askedAt: T0, switchId: runId(1) },
  ...{ drainUntil: T0, verifyUntil: T0 + 9, phase: 'stopping', dueAt: T0 + n, cancelled: [], found: [] },
  capsules: [],
  ...over,
});

export function switchContract(open: () => Store): void {
  describe('switches', () => {
    const set = (s: Switch) => open().addSwitch(s, entryOf('closing', s));
    const release = (n: number) =>
      open().releaseSwitch(runId(n), { at: T0 + 50, actor: 'key:2' }, entryOf('released', switchOf(n)));
    const asks = (n: number, workflowId: string, at: number) => ({
      ...leases(n, [lease('request', ID)], at),
      leases: { runId: runId(n), workflowId, changes: [lease('request', ID)] },
    });
    const grants = (n: number, workflowId: string) => ({
      ...leases(n, []),
      leases: { runId: runId(n), workflowId, changes: [lease('grant', ID)] },
    });
    const waking = async (more: { workflowId?: string } = {}) =>
      onCapsule(open(), { ...asleep(ID, `agent-${ID}`), status: 'waking', generation: 1 }, more);

    it('are on until they are released, once, with an entry for each change', async () => {
      const s = switchOf(1, { expiresAt: T0 + 99 });
      await set(s);
      await expect(open().guardReading()).resolves.toEqual({ switches: [s], revokedBefore: 0 });
      await expect(open().confirmSwitch(s.id, T0 + 5, entryOf('set', s))).resolves.toEqual({
        ...s,
        inForceAt: T0 + 5,
      });
      await expect(open().confirmSwitch(s.id, T0 + 6, entryOf('set', s))).resolves.toBeUndefined();
      const released = { ...s, inForceAt: T0 + 5, releasedAt: T0 + 50, releasedBy: 'key:2' };
      await expect(release(1)).resolves.toEqual(released);
      await expect(release(1)).resolves.toBeUndefined();
      await expect(release(2)).resolves.toBeUndefined();
      await set({ ...s, message: 'again' });
      await expect(open().switch(s.id)).resolves.toEqual(released);
      await expect(open().guardReading()).resolves.toEqual({ switches: [], revokedBefore: 0 });
      const entries = await open().ledger(0, 10);
      const bodies = entries.map(({ body }) => JSON.parse(body) as LedgerEntry);
      expect(bodies.map((b) => b.action)).toEqual(['switch.closing', 'switch.set', 'switch.released']);
      expect(fold(bodies)).toMatchObject({ scope: 'global', message: 'reason 1', status: 'released' });
      expect(verifyChain(entries)).toEqual({ ok: true, entries: 3 });
    });

    it('are listed newest first, on or over, page by page', async () => {
      for (const n of [1, 2, 3]) await set(switchOf(n));
      await release(2);
      const ids = (page: { items: Switch[] }) => page.items.map(({ id }) => id);
      const one = await open().switches({}, 2);
      expect(ids(one)).toEqual([runId(3), runId(2)]);
      expect(ids(await open().switches({}, 2, one.nextCursor ?? ''))).toEqual([runId(1)]);
      expect(ids(await open().switches({ on: true }, 9))).toEqual([runId(3), runId(1)]);
      expect(ids(await open().switches({ on: false }, 9))).toEqual([runId(2)]);
    });

    it.each([
      ['everything', {}, 'held'],
      ['its agent', { scope: 'agent', subject: `agent-${ID}` }, 'held'],
      ['its workflow', { scope: 'workflow', subject: 'audit' }, 'held'],
      ['its environment', { scope: 'environment', subject: 'development' }, 'held'],
      ['another agent', { scope: 'agent', subject: 'agent-other' }, 'ok'],
      ['another workflow', { scope: 'workflow', subject: 'other' }, 'ok'],
      ['another environment', { scope: 'environment', subject: 'production' }, 'ok'],
    ] as const)('over %s: a grant and a wake of its work', async (_what, of, expected) => {
      await declareAwake(open(), ID);
      await committed(open(), create(newRun(1)));
      await set(switchOf(1, of));
      await expect(verdict(open(), grants(1, 'audit'))).resolves.toBe(expected);
      await release(1);
      await open().declareCapsules([setting('two')], T0);
      await set(
        switchOf(2, {
          ...of,
          ...('subject' in of && of.scope === 'agent' && { subject: of.subject.replace(ID, 'two') }),
        }),
      );
      const wake = { ...asleep('two', 'agent-two'), status: 'waking' as const, generation: 1 };
      await expect(verdict(open(), await onCapsule(open(), wake, { workflowId: 'audit' }))).resolves.toBe(
        expected,
      );
    });

    it('take those whom they hold out of the line, and give them back in their order', async () => {
      await declareAwake(open(), ID, { slots: 2 });
      for (const [n, workflow] of [
        [1, 'audit'],
        [2, 'other'],
        [3, 'audit'],
      ] as const) {
        await committed(open(), create(newRun(n)));
        await committed(open(), asks(n, workflow, T0 + n));
      }
      const line = async () => (await open().grantable(ID)).map((l) => l.runId);
      expect(await line()).toEqual([runId(1), runId(2)]);
      await set(switchOf(1, { scope: 'workflow', subject: 'audit' }));
      expect(await line()).toEqual([runId(2)]);
      expect((await open().waiting(ID, 9)).map((l) => l.runId)).toEqual([runId(1), runId(2), runId(3)]);
      await expect(activityOf(open(), ID)).resolves.toMatchObject({ waiting: 1 });
      await set(switchOf(2));
      expect(await line()).toEqual([]);
      await expect(activityOf(open(), ID)).resolves.toMatchObject({ waiting: 0 });
      await release(1);
      await release(2);
      expect(await line()).toEqual([runId(1), runId(2)]);
      await expect(activityOf(open(), ID)).resolves.toMatchObject({ waiting: 3 });
    });

    it('let a capsule sleep, and keep it asleep, whose work they all hold', async () => {
      await open().declareCapsules([setting(ID)], T0);
      await committed(open(), create(newRun(1)));
      await committed(open(), asks(1, 'audit', T0));
      await expect(open().dueCapsules(T0, 9)).resolves.toEqual([ID]);
      await set(switchOf(1, { scope: 'workflow', subject: 'audit' }));
      await expect(open().dueCapsules(T0, 9)).resolves.toEqual([]);
      await expect(open().commit(await waking())).resolves.toEqual(refused('held'));
      const same = await onCapsule(open(), asleep(ID, `agent-${ID}`), { unless: 'held-or-waiting' });
      await expect(verdict(open(), same)).resolves.toBe('ok');
      await release(1);
      await expect(open().dueCapsules(T0, 9)).resolves.toEqual([ID]);
      await expect(verdict(open(), await waking())).resolves.toBe('ok');
    });
  });

  describe('emergency stops', () => {
    it('are saved by whoever saw the last word, and found when they are due', async () => {
      const stop = stopOf(1);
      await open().addStop(stop, stopEntry('begun', stop, T0));
      await open().addStop(stopOf(2), stopEntry('begun', stopOf(2), T0));
      await expect(open().dueStops(T0, 9)).resolves.toEqual([]);
      await expect(open().dueStops(T0 + 2, 9)).resolves.toEqual([runId(1), runId(2)]);
      const { dueAt: _, ...done } = stopOf(1, { phase: 'done', revokedBefore: T0 + 7 });
      await expect(open().saveStop(done, 1, stopEntry('done', done, T0))).resolves.toBe(true);
      await expect(open().saveStop(stop, 1)).resolves.toBe(false);
      await expect(open().stop(runId(1))).resolves.toEqual({ stop: done, version: 2 });
      await expect(open().stop(runId(9))).resolves.toBeUndefined();
      await expect(open().dueStops(T0 + 9, 9)).resolves.toEqual([runId(2)]);
      await expect(open().guardReading()).resolves.toEqual({ switches: [], revokedBefore: T0 + 7 });
      expect(verifyChain(await open().ledger(0, 9))).toEqual({ ok: true, entries: 3 });
    });
  });
}
