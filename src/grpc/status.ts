/** A problem of the HTTP API as a status of gRPC: the code by the problem's kind, everything else as metadata. */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import type { Problem } from '../http/problems';
import { PROBLEMS } from '../http/problem-catalogue';

const CODES: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  409: status.FAILED_PRECONDITION,
  413: status.RESOURCE_EXHAUSTED,
  429: status.RESOURCE_EXHAUSTED,
  503: status.UNAVAILABLE,
};

/** Metadata is ASCII in gRPC: what is not is written as a question mark there; the message itself is UTF-8. */
const ascii = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

/**
 * As gRPC tells it: `problem-code` and `problem-hint` are those of the HTTP API.
 * @param requestId names the call in the log
 */
export function toStatus(problem: Problem, requestId: string): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set('problem-code', problem.code);
  metadata.set('problem-hint', ascii(PROBLEMS[problem.code].hint));
  metadata.set('request-id', requestId);
  const wait = problem.headers['Retry-After'];
  if (wait !== undefined) metadata.set('retry-after', wait);
  return { code: CODES[problem.status] ?? status.INTERNAL, details: problem.message, metadata };
}
