import { CASES, CheckFailed, CLOSE_CASE, type CheckContext } from '../../src/platforms/check';
import type { Observation, Platform } from '../../src/platforms/platform';
import { PlatformError } from '../../src/platforms/platform';

/** What a driver's test gives the suite: a platform with one capsule at zero, and its surroundings. */
export interface PlatformFixture {
  platform: Platform;
  capsuleId: string;
  /** The same with wrong credentials; given where the suite is told of `strangers`. */
  stranger?: Platform;
  /** Lets a little time pass on the platform's clock, real or virtual. */
  step(): Promise<void>;
  /** While on, every scale call is applied and none is answered. */
  loseAnswers(on: boolean): void;
  /** Undoes everything, after the platform was closed. */
  dispose(): Promise<void>;
}

/** Steps a condition may take to become true: with steps of 20 ms, ten seconds. */
const MAX_STEPS = 500;

/**
 * What the engine relies on, whatever the platform. Every driver passes it: call it from a test file
 * with a function that makes a fresh fixture.
 * @param strangers whether the platform has credentials that can be wrong
 */
export function platformConformance(
  name: string,
  make: () => Promise<PlatformFixture>,
  strangers = false,
): void {
  describe(`platform conformance: ${name}`, () => {
    let fixture: PlatformFixture;
    beforeEach(async () => void (fixture = await make()));
    afterEach(async () => {
      await fixture.platform.close();
      await fixture.stranger?.close();
      await fixture.dispose();
    });

    /** Steps until the call is done: on a virtual clock nothing else moves it. */
    async function done<T>(call: Promise<T>): Promise<T> {
      let settled = false;
      const watch = call.then(
        () => (settled = true),
        () => (settled = true),
      );
      for (let i = 0; i < MAX_STEPS && !settled; i++) await Promise.race([watch, fixture.step()]);
      if (!settled) throw new Error(`not settled after ${MAX_STEPS} steps`);
      return call;
    }

    const scale = (replicas: number, signal?: AbortSignal) =>
      done(fixture.platform.scale(fixture.capsuleId, replicas, signal));
    const observe = () => done(fixture.platform.observe(fixture.capsuleId));

    async function observed(expected: Observation): Promise<void> {
      let last: Observation | undefined;
      for (let i = 0; i < MAX_STEPS; i++) {
        last = await observe();
        if (last.desired === expected.desired && last.running === expected.running) return;
        await fixture.step();
      }
      throw new Error(`never observed ${JSON.stringify(expected)}, last ${JSON.stringify(last)}`);
    }

    async function refusal(call: Promise<unknown>): Promise<PlatformError> {
      const error: unknown = await done(call).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PlatformError);
      return error as PlatformError;
    }

    /** The cases of the kit, whose waits are steps of the fixture here. */
    const context = (): CheckContext => ({
      platform: fixture.platform,
      capsuleId: fixture.capsuleId,
      ...(fixture.stranger && { stranger: fixture.stranger }),
      done,
      step: () => fixture.step(),
      eventually: async (expected, look, last) => {
        for (let i = 0; i < MAX_STEPS; i++) {
          const found = await look();
          if (found !== undefined) return found;
          await fixture.step();
        }
        throw new CheckFailed(last(), expected);
      },
      measured: () => undefined,
      now: () => performance.now(),
    });
    const cases = [...CASES, CLOSE_CASE].filter(({ needs }) => needs === undefined || strangers);
    it.each(cases.map((each) => [each.title, each] as const))('%s', (_title, each) => each.run(context()));

    it('starts at zero', async () => expect(await observe()).toEqual({ desired: 0, running: 0 }));

    it('scales up, and a replica counts from then on', async () => {
      await scale(1);
      expect(await observe()).toEqual({ desired: 1, running: 1 });
    });

    it('scales to zero, which is observed once the last replica is gone', async () => {
      await scale(1);
      await observed({ desired: 1, running: 1 });
      await scale(0);
      expect((await observe()).desired).toBe(0);
      await observed({ desired: 0, running: 0 });
    });

    it('wakes again after sleeping, and in the middle of falling asleep', async () => {
      await scale(1);
      await scale(0);
      await scale(1);
      await observed({ desired: 1, running: 1 });
      await scale(0);
      await observed({ desired: 0, running: 0 });
      await scale(1);
      await observed({ desired: 1, running: 1 });
    });

    it('takes the same call again, one after the other and at once', async () => {
      await scale(1);
      await scale(1);
      await Promise.all([scale(1), scale(1)]);
      await observed({ desired: 1, running: 1 });
      await scale(0);
      await scale(0);
      await observed({ desired: 0, running: 0 });
      await scale(0);
      expect(await observe()).toEqual({ desired: 0, running: 0 });
    });

    it('ends a call when its signal aborts meanwhile', async () => {
      fixture.loseAnswers(true);
      const controller = new AbortController();
      const call = fixture.platform.scale(fixture.capsuleId, 1, controller.signal);
      controller.abort(new Error('changed my mind'));
      expect((await refusal(call)).cause).toMatchObject({ message: 'changed my mind' });
    });

    it('says that a change may have happened when its answer is lost, and reading back tells', async () => {
      fixture.loseAnswers(true);
      const error = await refusal(fixture.platform.scale(fixture.capsuleId, 1));
      expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: true, retryable: true });
      fixture.loseAnswers(false);
      await observed({ desired: 1, running: 1 });
      await scale(1);
      await observed({ desired: 1, running: 1 });
    });

    it('closes more than once, and refuses calls from then on', async () => {
      await scale(1);
      await fixture.platform.close();
      await fixture.platform.close();
      const error = await refusal(fixture.platform.observe(fixture.capsuleId));
      expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: false });
    });
  });
}
