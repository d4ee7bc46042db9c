/** Problems of what is wrong with a request whatever it is about, or with the moment it came in. */
import type { ProblemKind } from './kind';

export const REQUESTS = {
  'invalid-request': {
    status: 400,
    title: 'The request is not valid',
    hint: 'Correct the fields listed in `errors`.',
  },
  'invalid-json': {
    status: 400,
    title: 'The body is not the JSON expected here',
    hint: 'Send one UTF-8 JSON object, nested at most 64 levels deep and without NUL characters.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing under this address',
    hint: 'GET /openapi.json lists every path; /docs shows them.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This address does not take that method',
    hint: 'Use one of the methods in the Allow header.',
  },
  'idempotency-key-reused': {
    status: 409,
    title: 'The idempotency key was used with another request',
    hint: 'Use a new key for a new request; `runId` names the run the key belongs to, if it is one.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    hint: 'Store large data elsewhere and send a reference to it.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body has a type this address does not take',
    hint: 'Send `Content-Type: application/json` in UTF-8, without a Content-Encoding.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    hint: 'Wait for the seconds in Retry-After.',
  },
  'internal-error': {
    status: 500,
    title: 'The orchestrator made a mistake',
    hint: 'Look for `requestId` in its log. Nothing that was acknowledged before is lost.',
  },
  unavailable: {
    status: 503,
    title: 'The store does not answer',
    hint: 'Send the same request again after the seconds in Retry-After; with an Idempotency-Key it is done once. If it lasts, see to Postgres: `reveille doctor`.',
  },
  'too-many-streams': {
    status: 503,
    title: 'No more event streams can be opened',
    hint: 'Close one, or try again after the seconds in Retry-After.',
  },
} as const satisfies Record<string, ProblemKind>;
