import { inspect } from 'node:util';
import type { CodeCapsulesOptions } from '../../../src/platforms/code-capsules';
import { createCodeCapsulesPlatform } from '../../../src/platforms/code-capsules';
import type { Platform } from '../../../src/platforms/platform';
import { PlatformError } from '../../../src/platforms/platform';
import { useOutside } from '../../support/outside';

export const API = 'https://api.capsules.test';
export const CLUSTER = 'https://cluster.capsules.test';
export const AUTH = 'https://auth.capsules.test';

/** Planted secrets: no message may ever hold one of them. */
export const TOKEN = 'canary-token-5f1c';
export const PASSWORD = 'canary-password-77aa';
export const API_KEY = 'canary-key-90be';
export const ACCOUNT = { email: 'ops@example.test', password: PASSWORD, apiKey: API_KEY };

/** A clock that only moves when the driver waits, so that no test waits for real. */
export class Clock {
  at = Date.parse('2026-01-01T00:00:00Z');
  readonly waits: number[] = [];
  readonly now = () => this.at;
  readonly sleep = async (ms: number) => {
    this.waits.push(ms);
    this.at += ms;
  };
}

/** Makes drivers on a fake clock and closes them after each test. */
export function drivers() {
  const made: Platform[] = [];
  useOutside();
  afterEach(async () => {
    await Promise.all(made.splice(0).map((platform) => platform.close()));
  });
  return (clock: Clock, options: Partial<CodeCapsulesOptions> = {}) => {
    const platform = createCodeCapsulesPlatform({
      dialect: 'capsule',
      apiUrl: API,
      clusterUrl: CLUSTER,
      authUrl: AUTH,
      credentials: { token: TOKEN },
      now: clock.now,
      sleep: clock.sleep,
      random: () => 0.5,
      ...options,
    });
    made.push(platform);
    return platform;
  };
}

/** The PlatformError a call rejects with, checked for secrets in everything it would print. */
export async function refusal(call: Promise<unknown>): Promise<PlatformError> {
  const error: unknown = await call.then(
    () => new Error('the call resolved'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PlatformError);
  const platformError = error as PlatformError;
  const printed = [
    platformError.message,
    platformError.stack,
    inspect(platformError, { depth: 10, showHidden: true }),
  ].join('\n');
  for (const secret of [TOKEN, PASSWORD, API_KEY]) expect(printed).not.toContain(secret);
  expect(printed).not.toMatch(/eyJ[\w-]+\.[\w-]+/);
  return platformError;
}

/** An unsigned JWT living `seconds` from `now` (ms); the driver reads and never verifies it. */
export function jwt(now: number, seconds: number, name: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(now / 1000);
  return `${part({ alg: 'none' })}.${part({ sub: name, iat, exp: iat + seconds })}.signature`;
}
