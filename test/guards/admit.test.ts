import { asleep } from '../../src/domain/capsule';
import { switchOver, type Switch } from '../../src/domain/guard/switch';
import { admit, admitAct, type WakeFacts } from '../../src/guards/admit';

const NOW = 1_000;
const SCOPE = { agentId: 'crawler', workflowId: 'audit', environment: 'production' };
const switchOf = (over: Partial<Switch>): Switch => ({
  ...{ id: 's1', scope: 'global', subject: '', message: 'why', owner: 'key:1', createdAt: 1 },
  ...over,
});

/** Every scope, over this and over something else. */
const SWITCHES: Array<[Switch[], boolean]> = [
  [[], false],
  [[switchOf({})], true],
  [[switchOf({ scope: 'agent', subject: 'crawler' })], true],
  [[switchOf({ scope: 'agent', subject: 'audit' })], false],
  [[switchOf({ scope: 'workflow', subject: 'audit' })], true],
  [[switchOf({ scope: 'workflow', subject: 'crawler' })], false],
  [[switchOf({ scope: 'environment', subject: 'production' })], true],
  [[switchOf({ scope: 'environment', subject: 'staging' })], false],
  [[switchOf({ releasedAt: 2 })], false],
];

const capsule = asleep('c', 'crawler');
const CAPSULES = [
  [capsule, 'proceed'],
  [{ ...capsule, status: 'draining' as const }, 'hold'],
  [{ ...capsule, retryWakeAt: NOW + 1, lastError: 'x' }, 'hold'],
  [{ ...capsule, retryWakeAt: NOW }, 'proceed'],
] as const;

test('whatever holds comes before whatever lets go', () => {
  let cases = 0;
  for (const [switches, off] of SWITCHES)
    for (const disabled of [undefined, 'it is disabled'])
      for (const [state, alone] of CAPSULES)
        for (const purpose of ['work', 'prewarm'] as const)
          for (const waiting of [0, 1]) {
            const activity = { held: 0, waiting, workMs: 0 };
            const facts: WakeFacts = { switches, capsule: state, activity, scope: SCOPE, now: NOW, purpose };
            const { verdict } = admit({ ...facts, ...(disabled !== undefined && { disabled }) });
            const nobody = purpose === 'work' && waiting === 0;
            const expected = off || disabled !== undefined ? 'hold' : nobody ? 'refuse' : alone;
            expect([verdict, switches, state, purpose, waiting]).toEqual([
              expected,
              switches,
              state,
              purpose,
              waiting,
            ]);
            cases += 1;
          }
  expect(cases).toBe(288);
});

test('a hold names what holds it, until when, and what releases it', () => {
  const s = switchOf({ scope: 'agent', subject: 'crawler', message: 'runaway', expiresAt: 5_000 });
  expect(admitAct({ switches: [s] }, SCOPE)).toEqual({
    verdict: 'hold',
    reason:
      'agent crawler is switched off by key:1 ("runaway"), until 1970-01-01T00:00:05.000Z at the latest; reveille resume --switch s1 releases it',
    blocker: 's1',
    release: 'reveille resume --switch s1',
    until: 5_000,
  });
  expect(admitAct({ switches: [], disabled: 'it is disabled' }, SCOPE)).toEqual({
    verdict: 'hold',
    reason: 'it is disabled',
  });
});

test('of several, the one that was set first is named', () => {
  const first = switchOf({ id: 'b', createdAt: 1 });
  const all = [switchOf({ id: 'c', createdAt: 1 }), switchOf({ id: 'a', createdAt: 2 }), first];
  expect(switchOver(all, SCOPE)).toBe(first);
});
