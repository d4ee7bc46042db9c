/**
 * The cases of the conformance kit, as data: `reveille platform check` runs them against a real
 * platform, the tests against every driver with its fake. Each begins with the capsule at zero.
 */
import {
  CheckFailed,
  must,
  mustBe,
  observe,
  observed,
  refusal,
  scale,
  tell,
  type CheckContext,
} from './context';

export interface CheckCase {
  readonly id: string;
  readonly title: string;
  /** What it cannot do without; without it the case is left out. */
  readonly needs?: 'stranger';
  readonly run: (context: CheckContext) => Promise<void>;
}

const STOP = 'no longer wanted';

export const CASES: readonly CheckCase[] = [
  {
    id: 'zero',
    title: 'the capsule can be put to zero, which is observed',
    run: async (context) => {
      await scale(context, 0);
      await observed(context, 0);
    },
  },
  {
    id: 'name',
    title: 'the driver has a short name',
    run: async ({ platform }) =>
      must(/^[a-z][a-z-]+$/.test(platform.name), `"${platform.name}"`, 'small letters and dashes'),
  },
  {
    id: 'unknown-capsule',
    title: 'a capsule that is not there is not-found',
    run: async (context) => {
      const { platform, capsuleId } = context;
      const wrong = `${capsuleId}-not`;
      const scaling = await refusal(context, platform.scale(wrong, 1));
      mustBe(scaling, 'not-found');
      must(scaling.message.includes(wrong), scaling.message, `a message that names ${wrong}`);
      mustBe(await refusal(context, platform.observe(wrong)), 'not-found');
    },
  },
  {
    id: 'no-count',
    title: 'replicas that are no count are rejected, and nothing changes',
    run: async (context) => {
      for (const replicas of [-1, 1.5, NaN]) {
        const { platform, capsuleId } = context;
        mustBe(await refusal(context, platform.scale(capsuleId, replicas)), 'rejected');
      }
      await stillZero(context);
    },
  },
  {
    id: 'wrong-credentials',
    title: 'wrong credentials are an auth error, and nothing changes',
    needs: 'stranger',
    run: async (context) => {
      const { stranger, capsuleId } = context;
      if (!stranger) throw new CheckFailed('no platform with wrong credentials', 'one');
      mustBe(await refusal(context, stranger.observe(capsuleId)), 'auth');
      await stillZero(context);
    },
  },
  {
    id: 'aborted-before',
    title: 'a call whose signal is aborted already does nothing and gives the reason',
    run: async (context) => {
      const { platform, capsuleId } = context;
      const reason = new Error(STOP);
      const scaling = await refusal(context, platform.scale(capsuleId, 1, AbortSignal.abort(reason)));
      mustBe(scaling, 'unavailable');
      must(scaling.cause === reason, String(scaling.cause), "the signal's reason as the cause");
      const reading = await refusal(context, platform.observe(capsuleId, AbortSignal.abort(reason)));
      must(reading.cause === reason, String(reading.cause), "the signal's reason as the cause");
      await stillZero(context);
    },
  },
  {
    id: 'wake-and-sleep',
    title: 'wakes to one replica and sleeps to none, and tells the truth meanwhile',
    run: wakeAndSleep,
  },
  {
    id: 'same-again',
    title: 'takes the same call again, one after the other and at once',
    run: async (context) => {
      await scale(context, 1);
      await scale(context, 1);
      await Promise.all([scale(context, 1), scale(context, 1)]);
      await observed(context, 1);
      await scale(context, 0);
      await scale(context, 0);
      await observed(context, 0);
      await scale(context, 0);
      await stillZero(context);
    },
  },
  {
    id: 'wake-meanwhile',
    title: 'wakes again in the middle of falling asleep',
    run: async (context) => {
      await scale(context, 1);
      await observed(context, 1);
      await scale(context, 0);
      await scale(context, 1);
      await observed(context, 1);
    },
  },
  {
    id: 'aborted-meanwhile',
    title: 'a call that is given up halfway can be read back, and sent again',
    run: async (context) => {
      const { platform, capsuleId } = context;
      const controller = new AbortController();
      const call = platform.scale(capsuleId, 1, controller.signal);
      const outcome = call.then(
        () => undefined,
        (error: unknown) => error,
      );
      controller.abort(new Error(STOP));
      // A driver may have been quicker than the signal.
      if ((await context.done(outcome)) !== undefined) {
        mustBe(await refusal(context, call), 'unavailable', 'either');
      }
      await observe(context);
      await scale(context, 1);
      await observed(context, 1);
    },
  },
];

async function wakeAndSleep(context: CheckContext): Promise<void> {
  const { isAnswering } = context;
  const wake = context.now();
  await scale(context, 1);
  await observed(context, 1);
  context.measured('toOne', context.now() - wake);
  if (isAnswering) {
    const said = 'an agent that answers /health';
    const look = async () => ((await isAnswering()) ? true : undefined);
    await context.eventually(said, look, () => 'no 200 from it');
    context.measured('toAnswer', context.now() - wake);
  }
  const sleep = context.now();
  await scale(context, 0);
  await observed(context, 0);
  context.measured('toZero', context.now() - sleep);
  if (isAnswering) {
    const isThere = await isAnswering();
    must(!isThere, 'an agent that answers although zero was observed', 'silence: zero is only told when so');
  }
}

async function stillZero(context: CheckContext): Promise<void> {
  const seen = await observe(context);
  must(seen.desired === 0 && seen.running === 0, tell(seen), 'desired 0, running 0');
}

/** Apart from the others, because nothing can be asked of the platform after it. */
export const CLOSE_CASE: CheckCase = {
  id: 'close',
  title: 'closes more than once, and refuses calls from then on',
  run: async (context) => {
    await context.platform.close();
    await context.platform.close();
    const error = await refusal(context, context.platform.observe(context.capsuleId));
    mustBe(error, 'unavailable');
  },
};
