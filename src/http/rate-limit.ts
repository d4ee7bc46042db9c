/** Token buckets, one per key or address, in a bounded map. */
import { isIPv6 } from 'node:net';
import type { Clock } from '../engine/ports';

/** Callers remembered at once; the one not heard of for longest is forgotten first. */
const MAX_CALLERS = 10_000;

interface Bucket {
  tokens: number;
  /** When `tokens` was right, epoch ms. */
  at: number;
}

export class TokenBuckets {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private readonly clock: Pick<Clock, 'now'>,
    private readonly maxCallers = MAX_CALLERS,
  ) {}

  /** Takes a token. Answers 0, or the seconds until there is one again. */
  take(caller: string): number {
    const bucket = this.filled(caller);
    const wait = this.secondsUntilOne(bucket);
    if (wait === 0) bucket.tokens -= 1;
    this.remember(caller, bucket);
    return wait;
  }

  /** The seconds until there is a token, 0 if there is one; takes none. */
  wait(caller: string): number {
    return this.secondsUntilOne(this.filled(caller));
  }

  get size(): number {
    return this.buckets.size;
  }

  private filled(caller: string): Bucket {
    const now = this.clock.now();
    const { tokens, at } = this.buckets.get(caller) ?? { tokens: this.burst, at: now };
    // A clock that was set back refills nothing; it must not empty a bucket either.
    const seconds = Math.max(0, now - at) / 1_000;
    return { tokens: Math.min(this.burst, tokens + seconds * this.perSecond), at: now };
  }

  private secondsUntilOne({ tokens }: Bucket): number {
    return tokens >= 1 ? 0 : (1 - tokens) / this.perSecond;
  }

  private remember(caller: string, bucket: Bucket): void {
    this.buckets.delete(caller);
    this.buckets.set(caller, bucket);
    const oldest = this.buckets.size > this.maxCallers ? this.buckets.keys().next() : undefined;
    if (oldest && !oldest.done) this.buckets.delete(oldest.value);
  }
}

/** Who an address stands for: an IPv6 caller owns its whole /64. */
export function callerOf(address: string | undefined): string {
  const ip = (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(ip)) return ip;
  const [head = '', tail] = ip.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}
