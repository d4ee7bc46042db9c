/** What to do about a failed request to Code Capsules. */
import { PlatformError } from '../platform';
import type { Call } from '../calls/call';
import type { FailureContext } from '../calls/failure';

/** @param credentials the variables that hold them @param address the variable the request went to */
export function mendsOf(credentials: string, address: string): FailureContext['mends'] {
  return {
    auth: `Check ${credentials}: wrong, expired, or without rights to this capsule.`,
    'not-found': `Check the agent's CC_CAPSULE_ID_… variable and ${address}.`,
    'rate-limited': 'Code Capsules limits the rate of calls; try again later or spread the schedules.',
    unavailable: `Try again later; if it lasts, check ${address} and the network.`,
    rejected: `Check ${address}, CC_API_DIALECT and the capsule's settings.`,
  };
}

/** A refused login is about the credentials, whatever its status. */
export function loginFailure(call: Call, error: PlatformError, credentials: string): PlatformError {
  if (error.retryable) return error;
  const mend = `Check ${credentials} and CC_AUTH_URL; an account with two-factor authentication cannot be used.`;
  return new PlatformError('auth', `${error.message} ${mend}`, call.mayHaveApplied);
}
