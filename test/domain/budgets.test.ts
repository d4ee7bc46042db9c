import {
  allowed,
  amountText,
  budgetAlert,
  budgetId,
  estimate,
  forecast,
  heldText,
  isCredible,
  isOver,
  left,
  MAX_COST_USD,
  needsApproval,
  parseBudgetId,
  percentSpent,
  periodEnd,
  periodKeys,
  refuses,
  spentBy,
  type Budget,
  type BudgetUse,
} from '../../src/domain/budget';
import { capsuleCost, ofUsd } from '../../src/domain/cost/money';

const daily: Budget = { measure: 'usd', scope: 'agent', subject: 'writer', period: 'day', declared: 10n };
const use = (over: Partial<BudgetUse> = {}): BudgetUse => ({
  ...{ budget: daily, key: '2026-03-01', raised: 0n, spent: 0n, reserved: 0n },
  ...over,
});
const cap: Budget = { measure: 'actions', scope: 'platform', subject: 'a:b', period: 'day', declared: 2n };
const NOON = Date.parse('2026-03-01T12:00:00Z');

describe('a budget', () => {
  test.each([
    ['agent:writer:day', { measure: 'usd', scope: 'agent', subject: 'writer', period: 'day' }],
    ['installation:month', { measure: 'usd', scope: 'installation', subject: '', period: 'month' }],
    ['run:r-1:per-run', { measure: 'usd', scope: 'run', subject: 'r-1', period: 'per-run' }],
    ['cap:installation', { measure: 'actions', scope: 'installation', subject: '', period: 'day' }],
    ['cap:platform:a:b', { measure: 'actions', scope: 'platform', subject: 'a:b', period: 'day' }],
  ] as const)('%s is named by what it is over', (id, name) => {
    expect(parseBudgetId(id)).toEqual(name);
    expect(budgetId(name)).toBe(id);
  });

  test.each([
    ...[
      '',
      ':',
      'agent',
      'agent:day',
      'agent:writer',
      'agent:writer:year',
      'nobody:x:day',
      'installation:x:day',
    ],
    ...[
      'run:x:day',
      'cap:',
      'cap:workflow:x',
      'cap:agent',
      'cap:installation:x',
      `agent:${'x'.repeat(201)}:day`,
    ],
  ])('%j names none', (id) => expect(parseBudgetId(id)).toBeUndefined());

  test.each([
    ['room for all of it', use({ spent: 4n, reserved: 1n }), 5n, false],
    ['a little too much', use({ spent: 4n, reserved: 1n }), 6n, true],
    ['nothing needed, something left', use({ spent: 9n }), 0n, false],
    ['nothing needed, nothing left', use({ spent: 4n, reserved: 6n }), 0n, true],
    ['nothing allowed', use({ budget: { ...daily, declared: 0n } }), 0n, true],
    ['raised', use({ spent: 10n, raised: 1n }), 1n, false],
    ['a person set less', use({ budget: { ...daily, assigned: 3n } }), 4n, true],
    [
      'no limit',
      use({ budget: { ...daily, declared: undefined } as unknown as Budget, spent: 99n }),
      9n,
      false,
    ],
    ['a cap with room', use({ budget: cap, spent: 1n }), 9n, false],
    ['a reached cap', use({ budget: cap, spent: 2n }), 0n, true],
  ])('%s', (_, seen, amount, refused) => expect(refuses(seen, amount)).toBe(refused));

  test('what is left is never below nothing', () => {
    expect([
      left(use({ spent: 4n, reserved: 1n })),
      left(use({ spent: 99n })),
      allowed(use({ raised: 5n })),
    ]).toEqual([5n, 0n, 15n]);
  });

  test('is over the work it names, and over that of the runs of its steps', () => {
    const who = { agent: 'a', workflow: 'part', root: 'r', rootWorkflow: 'whole', day: 'd', month: 'm' };
    const acts = (scope: string, subject: string) => scope === 'platform' && subject === 'x';
    const over = (scope: Budget['scope'], subject: string) => isOver({ scope, subject }, who, acts);
    expect([over('installation', ''), over('agent', 'a'), over('workflow', 'part')]).toEqual([
      true,
      true,
      true,
    ]);
    expect([over('workflow', 'whole'), over('run', 'r'), over('platform', 'x')]).toEqual([true, true, true]);
    expect([over('agent', 'b'), over('workflow', 'x'), over('run', 'x'), over('action-type', 'x')]).toEqual(
      Array(4).fill(false),
    );
  });

  test.each([
    ['UTC', '2026-02-28T23:59:59Z', '2026-02-28', '2026-03-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    [
      'Europe/Berlin',
      '2026-02-28T23:00:00Z',
      '2026-03-01',
      '2026-03-01T23:00:00.000Z',
      '2026-03-31T22:00:00.000Z',
    ],
    [
      'Europe/Berlin',
      '2026-03-29T10:00:00Z',
      '2026-03-29',
      '2026-03-29T22:00:00.000Z',
      '2026-03-31T22:00:00.000Z',
    ],
    [
      'America/New_York',
      '2026-12-31T12:00:00Z',
      '2026-12-31',
      '2027-01-01T05:00:00.000Z',
      '2027-01-01T05:00:00.000Z',
    ],
  ])('in %s at %s it is %s', (zone, now, day, dayEnd, monthEnd) => {
    const at = Date.parse(now);
    expect(periodKeys(zone, at)).toEqual({ day, month: day.slice(0, 7) });
    const ends = (['day', 'month'] as const).map((p) => new Date(periodEnd(p, zone, at) ?? 0).toISOString());
    expect(ends).toEqual([dayEnd, monthEnd]);
    expect(periodEnd('per-run', zone, at)).toBeUndefined();
  });

  test('is forecast by what was spent until now', () => {
    expect(forecast(use({ spent: 5n }), 'UTC', NOON)).toBe(10n);
    expect(
      forecast(use({ budget: { ...daily, period: 'month' }, key: '2026-03', spent: 1n }), 'UTC', NOON),
    ).toBe(62n);
    expect(forecast(use({ budget: { ...daily, period: 'per-run' } }), 'UTC', NOON)).toBeUndefined();
  });

  test('tells at four fifths, and when it holds', () => {
    const told = (over: Partial<BudgetUse>, holds = false) =>
      budgetAlert(use(over), { zone: 'UTC', now: NOON, holds })?.kind;
    expect([
      told({ spent: 7n }),
      told({ spent: 8n }),
      told({ spent: 10n }),
      told({ spent: 1n }, true),
    ]).toEqual([undefined, 'budget-near', 'budget-reached', 'budget-reached']);
    expect(told({ budget: cap, spent: 2n })).toBe('cap-reached');
    expect(percentSpent(use({ budget: { ...daily, declared: 0n } }))).toBe(100);
  });

  test('says why it holds, and until when', () => {
    const money = use({ budget: { ...daily, declared: ofUsd(2) }, spent: ofUsd(1.5), reserved: ofUsd(0.25) });
    expect(heldText(money, 'UTC', NOON, ofUsd(0.5))).toBe(
      'the budget of agent writer for the day 2026-03-01 holds it: 1.50 US dollars of 2.00 US dollars spent and 0.25 US dollars reserved; the step may need 0.50 US dollars; until 2026-03-02T00:00:00.000Z (midnight in UTC), or a person raises it: reveille budgets raise agent:writer:day <amount>',
    );
    const run = use({ budget: { ...daily, period: 'per-run' }, key: 'r-1' });
    expect(heldText(run, 'UTC', NOON)).toContain(
      'until a person raises it: reveille budgets raise agent:writer:per-run <amount> --run r-1',
    );
    expect(amountText('actions', 1n)).toBe('1 action');
  });
});

describe('an estimate', () => {
  const learned = { costs: [1n, 2n, 3n, 4n, 50n], ms: [10, 20, 30, 40, 500] };
  test.each([
    [
      'is what is declared, and the time limit',
      { maxCostUsd: 2, timeoutMs: 1_000 },
      ofUsd(2) + capsuleCost(36, 1_000),
    ],
    ['is what was learned', { timeoutMs: 1_000, learned }, 50n + capsuleCost(36, 500)],
    ['is no more than the time limit', { timeoutMs: 100, learned }, 50n + capsuleCost(36, 100)],
    [
      'is of time alone while little is known',
      { timeoutMs: 9, learned: { costs: [5n], ms: [1] } },
      capsuleCost(36, 9),
    ],
  ])('%s', (_, input, amount) => expect(estimate({ price: 36, ...input })).toBe(amount));

  test('costs nothing without a price', () => expect(estimate({ timeoutMs: 1_000 })).toBe(0n));
});

describe('a report', () => {
  const at = '2026-03-01T00:00:00Z';
  test('is added up, and its actions counted by kind', () => {
    const actions = [
      { type: 'post', platform: 'x', costUsd: 0.5, at },
      { type: 'post', at },
    ];
    expect(spentBy({ usage: [{ costUsd: 1 }], actions })).toEqual({
      cost: ofUsd(1.5),
      refused: [],
      actions: [
        { scope: 'all', subject: '', count: 2 },
        { scope: 'action-type', subject: 'post', count: 2 },
        { scope: 'platform', subject: 'x', count: 1 },
      ],
    });
  });

  test.each([-1, NaN, Infinity, -Infinity, MAX_COST_USD + 1])('%d US dollars are not believed', (costUsd) => {
    const { cost, refused } = spentBy({
      usage: [{ costUsd }, { costUsd: 2 }],
      actions: [{ type: 'buy', costUsd }],
    });
    expect([cost, refused.length, isCredible(costUsd)]).toEqual([ofUsd(2), 2, false]);
  });

  test.each([
    [{ type: 'buy', costUsd: 5 }, 5, undefined],
    [{ type: 'buy', costUsd: 5.01 }, 5, 'buy costs 5.01 US dollars, more than 5 may be spent without asking'],
    [{ type: 'buy', costUsd: 99 }, undefined, undefined],
    [{ type: 'rent', recurring: true }, undefined, 'rent is a recurring charge'],
    [{ type: 'buy', costUsd: -5 }, 5, 'buy is said to cost -5 US dollars'],
    [{ type: 'mail' }, 0, undefined],
  ])('%j with a limit of %s needs approval: %s', (action, limit, why) =>
    expect(needsApproval(action, limit)).toBe(why),
  );
});
