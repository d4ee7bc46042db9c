import { z } from 'zod';

const ms = z.number().int().min(0).max(3_600_000);
const times = z.number().int().min(0).max(1_000_000);

/** What can be made to go wrong. Those with `times` wear off; the others stay until changed. */
export const Faults = z.strictObject({
  /** Delay before a capsule's process is started, instead of the capsule's own. */
  coldStartMs: ms.optional(),
  /** Each PATCH is applied and answered this much later. */
  slowPatchMs: ms.optional(),
  /** The next so many PATCHes are applied, and their connection is destroyed without an answer. */
  patchAnswerLost: times.optional(),
  /** The next so many PATCHes are not applied, and their connection is destroyed. */
  patchLost: times.optional(),
  /** The next so many PATCHes are applied, and a second time so much later, as a retrying proxy does. */
  patchTwice: z.object({ times, afterMs: ms.default(0) }).optional(),
  /** The next so many builds are started, and the connection is destroyed without an answer. */
  buildAnswerLost: times.optional(),
  /** The next so many builds are not started, and the connection is destroyed. */
  buildLost: times.optional(),
  /** The next so many calls are answered 429. */
  rateLimit: z.object({ times, retryAfterSeconds: z.number().int().min(0).max(3600).optional() }).optional(),
  /** The next so many calls are answered 5xx and not applied. */
  serverError: z.object({ times, status: z.number().int().min(500).max(599).default(503) }).optional(),
  /** Reads tell the state of so many milliseconds ago. */
  staleReadMs: ms.optional(),
  /** The next so many reads tell the state at the moment this fault was set. */
  staleReads: times.optional(),
  /** A replica is made, but its process is never started. */
  neverStarts: z.boolean().optional(),
  /** The process exits with 1 as soon as it is started. */
  diesAtOnce: z.boolean().optional(),
  /** A scale to zero is accepted, and nothing is ended for this long. */
  ignoreScaleToZeroMs: ms.optional(),
  /** A replica scaled to zero counts no more, but its process stays and answers for this long. */
  zombieMs: ms.optional(),
  /** A process that runs answers for `upMs`, then nothing for `downMs` (it is halted), and so on. */
  flapping: z.object({ upMs: ms.min(1), downMs: ms.min(1) }).optional(),
});
export type Faults = z.input<typeof Faults>;

/** `PUT /faults`: replaces the faults of one capsule, or of all that have none of their own. */
export const FaultsRequest = z.strictObject({ capsuleId: z.string().min(1).optional(), faults: Faults });

type CountedFault = 'patchAnswerLost' | 'patchLost' | 'buildAnswerLost' | 'buildLost' | 'staleReads';

const EVERYWHERE = Symbol('all capsules');

/** The faults in force. A capsule with faults of its own is not subject to the common ones. */
export class FaultSwitchboard {
  private readonly scopes = new Map<string | typeof EVERYWHERE, z.output<typeof Faults>>();

  /** @param changed called after each change, with the capsule concerned or undefined for all */
  constructor(private readonly changed: (capsuleId: string | undefined) => void = () => undefined) {}

  /** Replaces the faults of one capsule, or the common ones. @throws ZodError */
  set(faults: Faults, capsuleId?: string): void {
    this.scopes.set(capsuleId ?? EVERYWHERE, Faults.parse(faults));
    this.changed(capsuleId);
  }

  /** Ends all faults of all capsules. */
  clear(): void {
    this.scopes.clear();
    this.changed(undefined);
  }

  of(capsuleId: string): z.output<typeof Faults> {
    return this.scopes.get(capsuleId) ?? this.scopes.get(EVERYWHERE) ?? {};
  }

  /** Uses up one of a counted fault; false when none is left. */
  take(capsuleId: string, fault: CountedFault): boolean {
    const faults = this.of(capsuleId);
    const left = faults[fault] ?? 0;
    if (left > 0) faults[fault] = left - 1;
    return left > 0;
  }

  /** How long after a PATCH it is applied again; undefined when it is not. */
  takeTwice(capsuleId: string): number | undefined {
    const { patchTwice } = this.of(capsuleId);
    if (!patchTwice || patchTwice.times === 0) return undefined;
    patchTwice.times -= 1;
    return patchTwice.afterMs;
  }

  /** Uses up one of a fault that answers for the capsule; undefined when none is left. */
  takeAnswer(capsuleId: string): { status: number; retryAfterSeconds?: number | undefined } | undefined {
    const { rateLimit, serverError } = this.of(capsuleId);
    if (rateLimit && rateLimit.times > 0) {
      rateLimit.times -= 1;
      return { status: 429, retryAfterSeconds: rateLimit.retryAfterSeconds };
    }
    if (serverError && serverError.times > 0) {
      serverError.times -= 1;
      return { status: serverError.status };
    }
    return undefined;
  }
}
