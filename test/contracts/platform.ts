import type { Observation, Platform } from '../../src/platforms/platform';
import { PlatformError } from '../../src/platforms/platform';

/** What a driver's test gives the suite: a platform with one capsule at zero, and its surroundings. */
export interface PlatformFixture {
  platform: Platform;
  capsuleId: string;
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
 */
export function platformConformance(name: string, make: () => Promise<PlatformFixture>): void {
  describe(`platform conformance: ${name}`, () => {
    let fixture: PlatformFixture;
    beforeEach(async () => void (fixture = await make()));
    afterEach(async () => {
      await fixture.platform.close();
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

    it('has a name', () => expect(fixture.platform.name).toMatch(/^[a-z][a-z-]+$/));

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

    it('does not know a capsule that is not there', async () => {
      const wrong = `${fixture.capsuleId}-not`;
      const scaling = await refusal(fixture.platform.scale(wrong, 1));
      expect(scaling).toMatchObject({ kind: 'not-found', retryable: false, mayHaveApplied: false });
      expect(scaling.message).toContain(wrong);
      expect(await refusal(fixture.platform.observe(wrong))).toMatchObject({ kind: 'not-found' });
    });

    it('rejects replicas that are no count', async () => {
      for (const replicas of [-1, 1.5, NaN]) {
        const error = await refusal(fixture.platform.scale(fixture.capsuleId, replicas));
        expect(error).toMatchObject({ kind: 'rejected', mayHaveApplied: false });
      }
      expect(await observe()).toEqual({ desired: 0, running: 0 });
    });

    it('does nothing for a signal that is aborted already, and gives its reason', async () => {
      const reason = new Error('no longer wanted');
      const error = await refusal(fixture.platform.scale(fixture.capsuleId, 1, AbortSignal.abort(reason)));
      expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: false, cause: reason });
      expect(await observe()).toEqual({ desired: 0, running: 0 });
      const signal = AbortSignal.abort(reason);
      expect((await refusal(fixture.platform.observe(fixture.capsuleId, signal))).cause).toBe(reason);
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
