import { heldUntil, rateText, ratesOf, servedOf, tokensFor } from '../../src/guards/rate';
import { loadRegistry } from '../../src/registry';

const NOW = 1_700_000_000_000;
const agent = {
  ...{ id: 'writer', name: 'Writer', capsuleId: 'c1', baseUrl: 'http://localhost:4100' },
  ...{ rateLimit: { perMinute: 60, burst: 3 }, uses: ['openai'] },
};
const services = [{ id: 'openai', perMinute: 30, burst: 2 }];
const workflow = { id: 'w', name: 'W', steps: [{ id: 's', agent: 'writer', timeoutSeconds: 1 }] };
const load = (over: object = {}) =>
  loadRegistry({ agents: [{ ...agent, ...over }], workflows: [workflow], services }, {});

function rates(over: object = {}) {
  const loaded = load(over);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return ratesOf(loaded.registry.agent('writer'), loaded.registry);
}

it('are those of the agent and of what it uses', () => {
  expect(rates().map((r) => [r.id, r.limit, r.perMs])).toEqual([
    ['agent:writer', 3, 3_000],
    ['service:openai', 2, 4_000],
  ]);
  expect(rates({ uses: undefined, rateLimit: undefined })).toEqual([]);
  expect(rates().map(rateText)[1]).toBe(
    'service openai is given as many tasks as its rate allows (2 at once, 30 a minute)',
  );
});

it('let as many begin as the scarcest bucket has tokens, and know when the next comes', () => {
  expect(tokensFor(rates(), new Map(), NOW, 9)).toMatchObject({
    count: 2,
    until: NOW + 2_000,
    rate: { id: 'service:openai' },
  });
  expect(tokensFor(rates(), new Map(), NOW, 1)).toEqual({ count: 1 });
  expect(tokensFor([], new Map(), NOW, 9)).toEqual({ count: 9 });
});

it('go to whoever has the earlier turn, whichever line they stand in', () => {
  const waiter = (runId: string, priority: number, requestedAt = NOW) => ({ runId, priority, requestedAt });
  const rate = rates()[1];
  if (!rate) throw new Error('no rate');
  const line = [waiter('a', 5), waiter('b', 0)];
  // Two tokens: one for each of the first two in turn.
  expect(servedOf(line, [], rate, new Map(), NOW)).toEqual({ count: 2 });
  expect(servedOf(line, [waiter('c', 1)], rate, new Map(), NOW)).toEqual({ count: 1, until: NOW + 2_000 });
  const higher = [waiter('c', 9), waiter('d', 9)];
  expect(servedOf(line, higher, rate, new Map(), NOW)).toEqual({ count: 0, until: NOW + 2_000 });
  // Of one priority who came first, and of one time the one by its id, as in every line.
  expect(
    servedOf([waiter('b', 0)], [waiter('a', 0), waiter('c', 0, NOW - 1)], rate, new Map(), NOW).count,
  ).toBe(0);
  expect(servedOf([waiter('b', 0)], [waiter('a', 0), waiter('c', 0)], rate, new Map(), NOW).count).toBe(1);
});

it('let nothing begin before the time that was asked for', () => {
  const [rate] = rates();
  if (!rate) throw new Error('no rate');
  const full = new Map([[rate.id, heldUntil(rate, NOW + 7_000)]]);
  expect(tokensFor([rate], full, NOW, 2)).toMatchObject({ count: 0, until: NOW + 7_000 });
  expect(tokensFor([rate], full, NOW + 7_000, 2)).toMatchObject({ count: 1 });
});

it('name services that are declared', () => {
  const loaded = load({ uses: ['openai', 'opnai'] });
  expect(loaded.ok ? [] : loaded.problems).toEqual([
    {
      place: 'agents[0].uses[1]',
      problem: 'there is no service "opnai"',
      mend: "Declare it in services, e.g. { id: 'opnai', perMinute: 60 }, or remove it",
    },
  ]);
});
