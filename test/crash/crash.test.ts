/** An orchestrator dies at each of its awaits, one after the other, and another takes over. */
import { changesTheWorld, live, type Await, type Death } from './scenario';

/** Of the run that goes through, the one that is stopped, the two in line and the scheduled one; its tick; the release. */
const OUTCOME = ['succeeded', 'cancelled', 'succeeded', 'succeeded', 'succeeded', 'fired', 'rolled out'];

/**
 * Every death there is. Between two awaits of one moment nothing happened to the world, so that one of them
 * stands for both; after a call that changes nothing is before the next.
 */
function deaths(awaits: readonly Await[]): Death[] {
  const seen = new Set<string>();
  return awaits.flatMap(({ call, moment }, at) => {
    const before: Death[] = seen.has(moment) ? [] : [{ at, fate: 'dies-before' }];
    seen.add(moment);
    return changesTheWorld(call) ? [...before, { at, fate: 'dies-after' }] : before;
  });
}

describe('a crash at every await', () => {
  it('has a life to interrupt in which everything happens', async () => {
    const { awaits, outcome, violations, actions } = await live();
    expect({ outcome, violations }).toEqual({ outcome: OUTCOME, violations: [] });
    const calls = awaits.map(({ call }) => call);
    expect(calls).toEqual(
      expect.arrayContaining(['agents.cancel', 'platform.scale', 'queue.hint', 'clock.after']),
    );
    expect(actions).toEqual(
      expect.arrayContaining([
        'breaker.opened',
        'breaker.half-opened',
        'breaker.closed',
        'capsule.prewarmed',
        'environment.promote',
        'event.received',
        'run.cancel',
        'run.child-ended',
        'run.due',
        'run.start',
      ]),
    );
  });

  it('changes nothing about how everything ends', async () => {
    const { awaits } = await live();
    const all = deaths(awaits);
    expect(all.length).toBeGreaterThan(300);
    const harm: object[] = [];
    for (const death of all) {
      const { outcome, violations } = await live(death);
      if (violations.length > 0 || outcome.join() !== OUTCOME.join())
        harm.push({ ...death, ...awaits[death.at], outcome, violations });
    }
    expect(harm).toEqual([]);
  }, 900_000);
});
