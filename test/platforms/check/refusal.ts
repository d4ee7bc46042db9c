import { inspect } from 'node:util';
import { PlatformError } from '../../../src/platforms/platform';

/** The PlatformError a call rejects with, checked for planted secrets in everything it would print. */
export async function refusal(call: Promise<unknown>, ...canaries: string[]): Promise<PlatformError> {
  const error: unknown = await call.then(
    () => new Error('the call resolved'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PlatformError);
  const printed = `${(error as Error).stack}\n${inspect(error, { depth: 10, showHidden: true })}`;
  for (const canary of canaries) expect(printed).not.toContain(canary);
  return error as PlatformError;
}

/** A clock that only moves when the driver waits, so that no test waits for real. */
export class Clock {
  at = Date.parse('2026-01-01T00:00:00Z');
  readonly waits: number[] = [];
  readonly now = () => this.at;
  readonly random = () => 0.5;
  readonly sleep = async (ms: number) => {
    this.waits.push(ms);
    this.at += ms;
  };
}
