/** Which capsule does an agent's work: every state that up to three capsules can be in together. */
import {
  chooseCapsule,
  FIRST_TRIAL_MS,
  LONGEST_TRIAL_MS,
  tried,
  TRIAL_MS,
  unwellAfter,
  type CapsuleHealth,
  type Unwell,
} from '../../src/domain/failover';

const NOW = 1_000_000;
const unwell = (until: number): Unwell => ({
  cause: 'wake',
  reason: `down ${until}`,
  since: 1,
  until,
  trips: 1,
});
/** Well; tried from now on; tried since long ago; not tried before some later times. */
const STATES: ReadonlyArray<Unwell | undefined> = [
  undefined,
  ...[NOW, NOW - 500, NOW + 1, NOW + 500].map(unwell),
];
const isUsable = (state: Unwell | undefined): boolean => !state || state.until <= NOW;

const combinations = (count: number): Array<Array<Unwell | undefined>> =>
  count === 0 ? [[]] : combinations(count - 1).flatMap((some) => STATES.map((state) => [...some, state]));
const health = (states: ReadonlyArray<Unwell | undefined>): CapsuleHealth[] =>
  states.map((state, i) => ({ capsuleId: `c${i}`, ...(state && { unwell: state }) }));

const ALL = [1, 2, 3].flatMap(combinations);

describe('the capsule that does the work', () => {
  it('is the first that is well or due for a trial, in each of all combinations', () => {
    expect(ALL).toHaveLength(5 + 25 + 125);
    for (const states of ALL) {
      const choice = chooseCapsule(health(states), NOW);
      const index = Number(choice.capsuleId.slice(1));
      const usable = states.findIndex(isUsable);
      if (usable >= 0) {
        expect([index, choice.as]).toEqual([usable, states[usable] ? 'trial' : 'well']);
      } else {
        expect(choice.as).toBe('last-resort');
        const untils = states.map((s) => s?.until ?? 0);
        expect(index).toBe(untils.indexOf(Math.min(...untils)));
      }
      // Said of no other than the first, and with what is wrong with that.
      expect(choice.from).toEqual(index === 0 ? undefined : { capsuleId: 'c0', reason: states[0]?.reason });
    }
  });

  it('is never one that failed a moment ago while another is well', () => {
    for (const states of ALL.filter((s) => s.includes(undefined))) {
      const { capsuleId } = chooseCapsule(health(states), NOW);
      expect(isUsable(states[Number(capsuleId.slice(1))])).toBe(true);
    }
  });

  it('cannot be chosen among none', () => {
    expect(() => chooseCapsule([], NOW)).toThrow('at least one');
  });
});

describe('a capsule that failed', () => {
  it('is left alone twice as long each time, up to the longest, and remembers since when', () => {
    let state: Unwell | undefined;
    const pauses: number[] = [];
    for (let trip = 0; trip < 40; trip += 1) {
      state = unwellAfter(state, { cause: 'wake', reason: `trip ${trip}` }, NOW + trip);
      pauses.push(state.until - NOW - trip);
      expect(state).toMatchObject({ since: NOW, trips: trip + 1, reason: `trip ${trip}` });
    }
    expect(pauses.slice(0, 6)).toEqual([1, 2, 4, 8, 16, 30].map((n) => n * FIRST_TRIAL_MS));
    expect(Math.max(...pauses)).toBe(LONGEST_TRIAL_MS);
  });

  it('is tried by one at a time, once its pause is over', () => {
    const state = unwellAfter(undefined, { cause: 'provider', reason: 'no answer' }, NOW);
    expect(tried(state, state.until - 1)).toBeUndefined();
    const trial = tried(state, state.until) as Unwell;
    expect(trial).toEqual({ ...state, until: state.until + TRIAL_MS });
    const others = [{ capsuleId: 'a', unwell: trial }, { capsuleId: 'b' }];
    expect(chooseCapsule(others, state.until)).toMatchObject({ capsuleId: 'b', as: 'well' });
    expect(chooseCapsule(others, trial.until)).toMatchObject({ capsuleId: 'a', as: 'trial' });
  });

  it('is the first again as soon as it is well', () => {
    const two = (first?: Unwell) => chooseCapsule(health([first, undefined]), NOW).capsuleId;
    expect([two(unwell(NOW + 1)), two()]).toEqual(['c1', 'c0']);
  });
});
