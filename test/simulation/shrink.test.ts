import type { Store } from '../../src/store/store';
import { CAMPAIGN } from './campaign';
import { kindOf, replayCommand, shrink } from './shrink';
import { simulate, type SimulationOptions } from './simulate';

/** A record that forgets the answer to every commit that an agent's second attempt brought. */
function forgetful(store: Store): Store {
  return {
    ...store,
    commit: async (change) => {
      const retried = change.run?.results?.some(({ attempt }) => attempt > 1);
      return retried ? { ok: true, freed: [] } : store.commit(change);
    },
  };
}

const planted: SimulationOptions = {
  ...CAMPAIGN,
  seed: 4,
  hours: 8,
  runsPerHour: 3,
  faultRate: 0.05,
  plant: forgetful,
};

/** However busy the machine is: what is found must not depend on it. */
const TEST_MS = 900_000;

describe('the shortest trace of a failing seed', () => {
  it(
    'has fewer hours, kinds of faults and faults than the one that failed, and fails in the same way',
    async () => {
      const whole = await simulate(planted);
      expect(whole.violations.length).toBeGreaterThan(0);

      const { options, report, attempts } = await shrink(planted, 40, TEST_MS);

      expect(kindOf(report.violations[0] ?? '')).toBe(kindOf(whole.violations[0] ?? ''));
      expect(attempts).toBeLessThanOrEqual(40);
      expect(options.hours).toBeLessThan(planted.hours);
      expect(report.strikes).toBeLessThan(whole.strikes / 5);
      expect(Object.keys(report.hits).length).toBeLessThan(Object.keys(whole.hits).length / 2);
      // It ends there, but for what happens in the same moment.
      expect(report.lines.slice(-10).join('\n')).toMatch(/VIOLATION/);
      // What the command says is all there is to it.
      const again = await simulate({ ...options, keepTrace: true });
      expect(again).toEqual(report);
    },
    TEST_MS,
  );

  it('is told with the command that repeats it', () => {
    const options = { ...CAMPAIGN, seed: 3, without: ['busy', 'zombie'] as const, strikes: 12 };
    expect(replayCommand(options)).toBe(
      "npm run simulate -- --seed 3 --seeds 1 --hours 125 --runs 0.2 --rate 0.1 --burst 15 --cron '30 2,14 * * *' " +
        '--without busy,zombie --strikes 12 --trace',
    );
  });

  it('is not looked for where nothing fails', async () => {
    await expect(shrink({ seed: 1, hours: 0.25, runsPerHour: 4, faultRate: 0 })).rejects.toThrow(
      'does not fail',
    );
  });
});
