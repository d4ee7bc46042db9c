/** The rules of flow control: what a run is pinned to, whom it waits for, and how tokens come. */
import fc from 'fast-check';
import { z } from 'zod';
import {
  admission,
  deduplicationOf,
  flowFields,
  flowOf,
  putOff,
  replaced,
  tokenAt,
  tokenUs,
  withoutToken,
  type FlowRules,
  type RunFlow,
} from '../../src/domain/flow';

const rules = (given: object): FlowRules => z.strictObject(flowFields).parse(given);
const NOW = 1_700_000_000_000;

describe('what a run is pinned to', () => {
  it('is nothing where nothing is asked for', () => {
    expect(flowOf(rules({}), 'audit', {})).toBeUndefined();
    expect(flowOf(rules({ priority: 3 }), 'audit', {})).toBeUndefined();
  });

  it('tells values of a key apart by type, and runs without it are a kind of their own', () => {
    const keyed = rules({ concurrency: { limit: 1, key: 'input.site' } });
    const idOf = (input: Record<string, unknown>) => flowOf(keyed, 'audit', input)?.gates[0]?.id;
    const all = [{ site: 1 }, { site: '1' }, { site: true }, {}, { site: 'x'.repeat(500) }].map(idOf);
    expect(new Set(all).size).toBe(all.length);
    expect(idOf({ site: null })).toBe(idOf({ site: { deep: 1 } }));
    for (const id of all) expect(id?.length).toBeLessThan(200);
  });

  it('has the stricter of two rules about the same runs', () => {
    const twice = rules({ concurrency: [{ limit: 5 }, { limit: 2 }, { limit: 3 }] });
    expect(flowOf(twice, 'audit', {})?.gates).toEqual([{ id: 'audit', limit: 2, onLimit: 'queue' }]);
  });

  it('refuses paths that are not of the input, and bounds that do not hold the default', () => {
    expect(() => rules({ concurrency: { limit: 1, key: 'steps.a.b' } })).toThrow(/begins with input/);
    expect(() => rules({ concurrency: { limit: 0 } })).toThrow();
    expect(() => rules({ priority: { default: 5, min: 0, max: 4 } })).toThrow(/not from min to max/);
  });

  it('puts off to the quiet, and no longer than is asked for', () => {
    const debounced = rules({ debounce: { seconds: 10, maxWaitSeconds: 25 } });
    const flow = flowOf(debounced, 'audit', {}) as RunFlow;
    const until = (now: number, firstAt: number) => putOff(flow, debounced, 'audit', now, firstAt).notBefore;
    expect(until(NOW, NOW)).toBe(NOW + 10_000);
    expect(until(NOW + 20_000, NOW)).toBe(NOW + 25_000);
    expect(until(NOW + 30_000, NOW)).toBe(NOW + 30_000);
  });

  it('has a key to tell it apart only where the input has one', () => {
    const once = rules({ deduplicate: { key: 'input.order', seconds: 60 } });
    expect(deduplicationOf(once, 'audit', { order: 17 }, NOW)).toEqual({
      scope: 'audit',
      key: '17',
      until: NOW + 60_000,
    });
    expect(deduplicationOf(once, 'audit', {}, NOW)).toBeUndefined();
  });
});

describe('a bucket of tokens', () => {
  it('never gives more than it holds and what came since, and never less once it is waited for', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 100_000 }),
      fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 60 }),
      (limit, perMs, pauses) => {
        const rate = { limit, perMs };
        let [fullAt, now, taken] = [0, NOW, 0];
        for (const pause of pauses) {
          now += pause;
          const at = tokenAt(fullAt, now, rate);
          if (at > now) {
            expect(tokenAt(fullAt, at - 1, rate)).toBe(at);
            expect(tokenAt(fullAt, at, rate)).toBe(at);
            continue;
          }
          fullAt = withoutToken(fullAt, now, rate);
          taken += 1;
          const came = ((now - NOW) * 1_000) / tokenUs(rate);
          expect(taken).toBeLessThanOrEqual(limit + came + 1e-6);
        }
        expect(taken).toBeGreaterThan(0);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});

describe('who may start', () => {
  const of = (gates: RunFlow['gates'], more: Partial<RunFlow> = {}): RunFlow => ({
    gates,
    turn: '',
    ...more,
  });
  const use = (held: Record<string, number>) => ({
    held: new Map(Object.entries(held)),
    fullAtUs: new Map(),
  });
  const gate = (id: string, onLimit: RunFlow['gates'][number]['onLimit']) => ({ id, limit: 1, onLimit });

  it('asks for the time, every gate and the rate', () => {
    expect(admission(of([]), use({}), NOW)).toEqual({ admit: 'start' });
    expect(admission(of([], { notBefore: NOW + 1 }), use({}), NOW)).toEqual({
      admit: 'wait',
      until: NOW + 1,
    });
    const waits = gate('a', 'queue');
    expect(admission(of([waits]), use({ a: 1 }), NOW)).toEqual({ admit: 'wait', gate: waits });
    expect(admission(of([waits]), use({ b: 1 }), NOW)).toEqual({ admit: 'start' });
    const rate = { id: 'r', limit: 1, perMs: 1_000 };
    const empty = { held: new Map<string, number>(), fullAtUs: new Map([['r', (NOW + 1_000) * 1_000]]) };
    expect(admission(of([], { rate }), empty, NOW)).toEqual({ admit: 'wait', rate, until: NOW + 1_000 });
  });

  it('cancels nobody for a run that has to wait all the same, and skips before anything', () => {
    const [queue, skip, oldest] = [gate('a', 'queue'), gate('b', 'skip'), gate('c', 'cancel-oldest')];
    const all = { a: 1, b: 1, c: 1 };
    expect(admission(of([queue, skip, oldest]), use(all), NOW).admit).toBe('skip');
    expect(admission(of([queue, oldest]), use(all), NOW).admit).toBe('wait');
    expect(admission(of([oldest]), use(all), NOW)).toEqual({ admit: 'replace', gate: oldest });
  });

  it('lets the newest stay', () => {
    const members = [3, 1, 2].map((n) => ({ runId: `r${n}`, createdAt: n }));
    expect(replaced(members, 2).map((m) => m.runId)).toEqual(['r1']);
    expect(replaced(members, 3)).toEqual([]);
  });
});
