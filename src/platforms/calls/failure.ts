import type { PlatformErrorKind } from '../platform';
import { PlatformError } from '../platform';
import type { Call } from './call';
import type { ApiRequest, Reply } from './transport';

const MAX_QUOTE = 200;

/** What a message about a failed request needs to know of the driver around it. */
export interface FailureContext {
  /** What to do about each kind of failure, as a sentence. */
  mends: Readonly<Record<PlatformErrorKind, string>>;
  /** The variable that holds the address the request went to. */
  addressVariable: string;
  /** Replaces every known secret in a text. */
  redact: (text: string) => string;
}

/** Whether the same request may be answered otherwise in a moment. */
export function isTransient(reply: Reply): boolean {
  if (!reply.answered) return reply.reason !== NO_PERMISSION;
  return reply.status === 408 || reply.status === 429 || reply.status >= 500;
}

/** Whether a change may have been made although no 2xx came back. */
export function mayHaveApplied(reply: Reply): boolean {
  return reply.answered ? reply.status === 408 || reply.status >= 500 : reply.sent;
}

/** What the system answers when a socket is there and this user may not open it. */
const NO_PERMISSION = 'EACCES';

function kindOf(reply: Reply): PlatformErrorKind {
  if (!reply.answered) return reply.reason === NO_PERMISSION ? 'auth' : 'unavailable';
  if (reply.status === 401 || reply.status === 403) return 'auth';
  if (reply.status === 404) return 'not-found';
  if (reply.status === 429) return 'rate-limited';
  return isTransient(reply) ? 'unavailable' : 'rejected';
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

function mend(kind: PlatformErrorKind, reply: Reply, context: FailureContext): string {
  if (reply.answered && reply.status >= 300 && reply.status < 400) {
    return `Redirects are not followed; set ${context.addressVariable} to the final address.`;
  }
  return context.mends[kind];
}

/** The server's own words, when it sent any in a usual place. */
function quote(body: unknown): string {
  const error = (body as { error?: unknown } | null | undefined)?.error;
  const text = messageIn(body) ?? messageIn(error) ?? (typeof error === 'string' ? error : undefined);
  // Control characters could forge log lines.
  // eslint-disable-next-line no-control-regex
  return text ? ` "${text.slice(0, MAX_QUOTE).replace(/[\u0000-\u001f\u007f]+/g, ' ')}"` : '';
}

function messageIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { message } = value as { message?: unknown };
  return typeof message === 'string' ? message : undefined;
}
