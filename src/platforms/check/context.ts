/** What a case of the conformance kit is given, and how it says that something is wrong. */
import { PlatformError, type Observation, type Platform } from '../platform';

export interface CheckContext {
  readonly platform: Platform;
  readonly capsuleId: string;
  /** A platform like it whose credentials are wrong; absent where there is no way to have one. */
  readonly stranger?: Platform;
  /** Whether the agent in the capsule answers; absent when nobody said where it is. */
  readonly isAnswering?: () => Promise<boolean>;
  /** Waits for a call while time passes. */
  done<T>(call: Promise<T>): Promise<T>;
  /** Lets a little time pass. */
  step(): Promise<void>;
  /** Steps until `look` gives something. @throws CheckFailed at the limit, with what was seen last */
  eventually<T>(expected: string, look: () => Promise<T | undefined>, last: () => string): Promise<T>;
  /** Notes how long something took. */
  measured(what: Measure, ms: number): void;
  /** Milliseconds, from anywhere. */
  now(): number;
}

export const MEASURES = ['scaleCall', 'observeCall', 'toOne', 'toZero', 'toAnswer'] as const;
export type Measure = (typeof MEASURES)[number];

/** The platform, or its driver, is not as the port wants it. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';

  constructor(
    readonly saw: string,
    readonly expected: string,
  ) {
    super(`saw ${saw}, expected ${expected}`);
  }
}

export function must(isSo: boolean, saw: string, expected: string): void {
  if (!isSo) throw new CheckFailed(saw, expected);
}

export const tell = ({ desired, running }: Observation): string => `desired ${desired}, running ${running}`;

export async function scale(context: CheckContext, replicas: number, signal?: AbortSignal): Promise<void> {
  const begun = context.now();
  await context.done(context.platform.scale(context.capsuleId, replicas, signal));
  context.measured('scaleCall', context.now() - begun);
}

export async function observe(context: CheckContext): Promise<Observation> {
  const begun = context.now();
  const seen = await context.done(context.platform.observe(context.capsuleId));
  context.measured('observeCall', context.now() - begun);
  for (const count of [seen.desired, seen.running]) {
    const isCount = count === 'unknown' || (Number.isInteger(count) && count >= 0);
    must(isCount, tell(seen), 'whole numbers from 0, or unknown');
  }
  return seen;
}

/** Observes until so many replicas are asked for and exist. */
export async function observed(context: CheckContext, replicas: 0 | 1): Promise<void> {
  let last: Observation | undefined;
  const expected: Observation = { desired: replicas, running: replicas };
  await context.eventually(
    tell(expected),
    async () => {
      last = await observe(context);
      return last.desired === replicas && last.running === replicas ? true : undefined;
    },
    () => (last ? tell(last) : 'nothing'),
  );
}

/** The error a call must end with. @throws CheckFailed when it does not, or with another error */
export async function refusal(context: CheckContext, call: Promise<unknown>): Promise<PlatformError> {
  const outcome = await context.done(
    call.then(
      () => undefined,
      (reason: unknown) => (reason instanceof Error ? reason : new Error('a reason that is no Error')),
    ),
  );
  if (outcome instanceof PlatformError) return outcome;
  const saw = outcome === undefined ? 'no error' : `an error that is no PlatformError: ${outcome.message}`;
  throw new CheckFailed(saw, 'a PlatformError');
}

/** @throws CheckFailed when the error is of another kind, or claims otherwise about what happened */
export function mustBe(
  error: PlatformError,
  kind: PlatformError['kind'],
  mayHaveApplied: boolean | 'either' = false,
): void {
  const told = `${error.kind}${error.mayHaveApplied ? ', may have applied' : ''}: ${error.message}`;
  must(error.kind === kind, told, `an error of kind ${kind}`);
  if (mayHaveApplied === 'either') return;
  const wanted = mayHaveApplied ? 'mayHaveApplied' : 'no mayHaveApplied: nothing was changed';
  must(error.mayHaveApplied === mayHaveApplied, told, wanted);
}
