import type { PlatformErrorKind } from '../platform';
import { PlatformError } from '../platform';
import type { Call } from './call';
import type { ApiRequest, Reply } from './transport';

const MAX_QUOTE = 200;

/** What a message about a failed request needs to know of the driver around it. */
export interface FailureContext {
  /** Which variables hold the credentials, for the mend. */
  credentialVariables: string;
  /** The variable that holds the address the request went to. */
  addressVariable: string;
  /** Replaces every known secret in a text. */
  redact: (text: string) => string;
}

/** Whether the same request may be answered otherwise in a moment. */
export function isTransient(reply: Reply): boolean {
  return !reply.answered || reply.status === 429 || reply.status >= 500;
}

/** Whether a change may have been made although no 2xx came back. */
export function mayHaveApplied(reply: Reply): boolean {
  return reply.answered ? reply.status >= 500 : reply.sent;
}

function kindOf(reply: Reply): PlatformErrorKind {
  if (!reply.answered || reply.status >= 500) return 'unavailable';
  if (reply.status === 401 || reply.status === 403) return 'auth';
  if (reply.status === 404) return 'not-found';
  return reply.status === 429 ? 'rate-limited' : 'rejected';
}

/** The final failure of a request, in the engine's terms: what was tried, what came, what to mend. */
export function failure(
  call: Call,
  request: ApiRequest,
  reply: Reply,
  tries: string,
  context: FailureContext,
): PlatformError {
  const kind = kindOf(reply);
  const came = reply.answered
    ? `was answered ${reply.status}${quote(reply.body)}`
    : `failed: ${reply.reason}`;
  const path = new URL(request.url).pathname;
  const message = `${call.what}: ${request.method} ${path} ${came} (${tries}). ${mend(kind, reply, context)}`;
  return new PlatformError(kind, context.redact(message), call.mayHaveApplied);
}

/** A refused login is about the credentials, whatever its status. */
export function loginFailure(call: Call, error: PlatformError, context: FailureContext): PlatformError {
  if (error.retryable) return error;
  const mendLogin = `Check ${context.credentialVariables} and CC_AUTH_URL; an account with two-factor authentication cannot be used.`;
  return new PlatformError('auth', `${error.message} ${mendLogin}`, call.mayHaveApplied);
}

function mend(kind: PlatformErrorKind, reply: Reply, context: FailureContext): string {
  if (reply.answered && reply.status >= 300 && reply.status < 400) {
    return `Redirects are not followed; set ${context.addressVariable} to the final address.`;
  }
  switch (kind) {
    case 'auth':
      return `Check ${context.credentialVariables}: wrong, expired, or without rights to this capsule.`;
    case 'not-found':
      return `Check the agent's CC_CAPSULE_ID_… variable and ${context.addressVariable}.`;
    case 'rate-limited':
      return 'Code Capsules limits the rate of calls; try again later or spread the schedules.';
    case 'unavailable':
      return `Try again later; if it lasts, check ${context.addressVariable} and the network.`;
    case 'rejected':
      return `Check ${context.addressVariable}, CC_API_DIALECT and the capsule's settings.`;
  }
}

/** The server's own words, when it sent any in a usual place. */
function quote(body: unknown): string {
  const text = messageIn(body) ?? messageIn((body as { error?: unknown } | null | undefined)?.error);
  // Control characters could forge log lines.
  // eslint-disable-next-line no-control-regex
  return text ? ` "${text.slice(0, MAX_QUOTE).replace(/[\u0000-\u001f\u007f]+/g, ' ')}"` : '';
}

function messageIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { message } = value as { message?: unknown };
  return typeof message === 'string' ? message : undefined;
}
