/** Sees whether a platform answers, from the calls that are made anyway. */
import { PlatformError, type Platform } from './platform';

/** A call that takes longer counts as unanswered, long before its own deadline. */
const SLOW_MS = 5_000;

export interface WatchedPlatform extends Platform {
  /** `ok`, or why not; no more than anybody may know. */
  readonly state: string;
}

/**
 * The same platform, watched. A capsule that does not exist, or a request that is wrong, says nothing about the
 * platform.
 * @param now epoch milliseconds
 */
export function watched<P extends Platform>(platform: P, now: () => number): WatchedPlatform {
  const open = new Set<{ since: number }>();
  let trouble: string | undefined;
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    const one = { since: now() };
    open.add(one);
    try {
      const answer = await work();
      trouble = undefined;
      return answer;
    } catch (error) {
      if (error instanceof PlatformError) trouble = TROUBLE[error.kind];
      throw error;
    } finally {
      open.delete(one);
    }
  };
  return {
    name: platform.name,
    scale: (capsuleId, replicas, signal) => call(() => platform.scale(capsuleId, replicas, signal)),
    observe: (capsuleId, signal) => call(() => platform.observe(capsuleId, signal)),
    // Of another address perhaps, and for people alone: it says nothing about the one that wakes and sleeps.
    describe: async (capsuleId, signal) => platform.describe?.(capsuleId, signal),
    close: () => platform.close(),
    get state() {
      const isSlow = [...open].some(({ since }) => now() - since > SLOW_MS);
      return trouble ?? (isSlow ? 'does not answer' : 'ok');
    },
  };
}

const TROUBLE: Readonly<Record<PlatformError['kind'], string | undefined>> = {
  auth: 'refuses the credentials',
  'not-found': undefined,
  rejected: undefined,
  'rate-limited': 'takes no more calls for now',
  unavailable: 'does not answer',
};
