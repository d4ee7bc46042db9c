import { callerOf, TokenBuckets } from '../../src/http/rate-limit';
import { ManualClock } from './support/clock';

it('lets a burst through, then a steady rate', () => {
  const clock = new ManualClock();
  const buckets = new TokenBuckets(2, 3, clock);
  expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([0, 0, 0]);
  expect(buckets.take('a')).toBe(0.5);
  clock.advance(500);
  expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 0.5]);
});

it('never holds more than the burst', () => {
  const clock = new ManualClock();
  const buckets = new TokenBuckets(1, 2, clock);
  clock.advance(1_000_000);
  expect([1, 2, 3].map(() => buckets.take('a') > 0)).toEqual([false, false, true]);
});

it('waits without taking', () => {
  const buckets = new TokenBuckets(1, 1, new ManualClock());
  expect([buckets.wait('a'), buckets.wait('a'), buckets.take('a'), buckets.wait('a')]).toEqual([0, 0, 0, 1]);
});

it('loses nothing when the clock is set back', () => {
  let now = 10_000;
  const buckets = new TokenBuckets(1, 2, { now: () => now });
  buckets.take('a');
  now = 0;
  expect([buckets.take('a'), buckets.take('a') > 0]).toEqual([0, true]);
});

it('remembers a bounded number of callers, and forgets the one not heard of for longest', () => {
  const buckets = new TokenBuckets(1, 1, new ManualClock(), 2);
  for (const caller of ['a', 'b', 'a', 'c']) buckets.take(caller);
  expect(buckets.size).toBe(2);
  expect([buckets.wait('a') > 0, buckets.wait('b'), buckets.wait('c') > 0]).toEqual([true, 0, true]);
});

it.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  [undefined, 'unknown'],
])('takes %s for %s', (address, caller) => {
  expect(callerOf(address)).toBe(caller);
});
