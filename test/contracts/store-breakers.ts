import { closedBreaker, type BreakerState } from '../../src/domain/breaker';
import { asleep } from '../../src/domain/capsule';
import type { LedgerEntry } from '../../src/domain/ledger';
import type { LeaseChange, Store } from '../../src/store/store';
import {
  activityOf,
  create,
  declareAwake,
  lease,
  leases,
  newRun,
  onCapsule,
  runId,
  setting,
  T0,
  verdict,
} from './store-fixtures';

const ID = 'crawler';
const AGENT = `agent-${ID}`;

const entry: LedgerEntry = {
  at: T0,
  actor: 'engine',
  action: 'breaker.opened',
  entity: 'breaker',
  id: AGENT,
  set: { status: 'open' },
};

export function breakerContract(open: () => Store): void {
  describe('breakers', () => {
    const breaker = (over: Partial<BreakerState>): BreakerState => ({ ...closedBreaker(AGENT), ...over });
    const save = async (over: Partial<BreakerState>) => {
      const version = (await open().breaker(AGENT))?.version ?? 0;
      expect(await open().saveBreaker(breaker(over), version)).toBe(true);
    };
    const asks = async (n: number) => {
      await open().commit(create(newRun(n)));
      expect(await verdict(open(), leases(n, [lease('request', ID)]))).toBe('ok');
    };
    const grant = (n: number, more: Partial<LeaseChange> = {}, at = T0) =>
      verdict(open(), leases(n, [{ ...lease('grant', ID), ...more }], at));

    it('are kept with their entries, and written by one at a time', async () => {
      expect(await open().breaker(AGENT)).toBeUndefined();
      const opened = breaker({ status: 'open', trips: 1, until: T0 + 9, reason: 'x' });
      expect(await open().saveBreaker(opened, 0, entry)).toBe(true);
      expect(await open().saveBreaker(opened, 0, entry)).toBe(false);
      expect(await open().breaker(AGENT)).toEqual({ state: opened, version: 1 });
      expect(await open().saveBreaker(breaker({}), 7)).toBe(false);
      expect(await open().saveBreaker(breaker({}), 1)).toBe(true);
      expect(await open().breakers(9)).toEqual([breaker({})]);
      expect((await open().ledger(0, 9)).map(({ body }) => JSON.parse(body) as LedgerEntry)).toEqual([entry]);
    });

    it('hold what waits while they are open: nothing is granted, nothing woken, and sleep is let in', async () => {
      await declareAwake(open(), ID, { slots: 4 });
      await asks(1);
      await save({ status: 'open', until: T0 + 9 });
      expect(await grant(1)).toBe('held');
      expect(await activityOf(open(), ID)).toMatchObject({ held: 0, waiting: 0 });
      await save({});
      expect(await activityOf(open(), ID)).toMatchObject({ waiting: 1 });
      expect(await grant(1)).toBe('ok');
    });

    it('let no capsule be woken', async () => {
      await open().declareCapsules([setting(ID)], T0);
      await save({ status: 'open', until: T0 + 9 });
      const waking = { ...asleep(ID, AGENT), status: 'waking' as const, generation: 1 };
      expect(await verdict(open(), await onCapsule(open(), waking))).toBe('held');
      await save({ status: 'half-open' });
      expect(await verdict(open(), await onCapsule(open(), waking))).toBe('ok');
    });

    it('let one through when half-open, however many ask at once', async () => {
      await declareAwake(open(), ID, { slots: 4 });
      for (const n of [1, 2, 3]) await asks(n);
      await save({ status: 'half-open' });
      expect(await activityOf(open(), ID)).toMatchObject({ waiting: 1 });
      const verdicts = await Promise.all([1, 2, 3].map((n) => grant(n)));
      expect([...verdicts].sort()).toEqual(['held', 'held', 'ok']);
      const known = await open().breaker(AGENT);
      const n = verdicts.indexOf('ok') + 1;
      expect(known?.state.trial).toEqual({ runId: runId(n), stepId: lease('grant', ID).stepId, attempt: 1 });
      expect(await activityOf(open(), ID)).toMatchObject({ held: 1, waiting: 0 });
    });

    it('let two steps of one run through neither', async () => {
      await declareAwake(open(), ID, { slots: 4 });
      await open().commit(create(newRun(1)));
      await save({ status: 'half-open' });
      const two = [lease('grant', ID), { ...lease('grant', ID), stepId: 'other' }];
      expect(await verdict(open(), leases(1, two))).toBe('held');
    });
  });

  describe('rates', () => {
    const rates = [{ id: `agent:${AGENT}`, limit: 2, perMs: 2_000 }];
    const grant = async (n: number, at: number) => {
      await open().commit(create(newRun(n)));
      return verdict(open(), leases(n, [{ ...lease('grant', ID), rates }], at));
    };

    it('let so many begin at once, and then as the tokens come', async () => {
      await declareAwake(open(), ID, { slots: 9 });
      expect(await grant(1, T0)).toBe('ok');
      expect(await grant(2, T0)).toBe('ok');
      expect(await grant(3, T0 + 999)).toBe('held');
      expect(await grant(4, T0 + 1_000)).toBe('ok');
      expect(await grant(5, T0 + 1_000)).toBe('held');
    });

    it('are held for as long as somebody asks for it', async () => {
      await declareAwake(open(), ID, { slots: 9 });
      await open().holdBucket(`agent:${AGENT}`, (T0 + 5_000) * 1_000 + 1_000_000);
      await open().holdBucket(`agent:${AGENT}`, T0 * 1_000);
      expect(await grant(1, T0 + 4_999)).toBe('held');
      expect(await grant(2, T0 + 5_000)).toBe('ok');
    });
  });
}
