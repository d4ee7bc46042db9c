/**
 * What a task that is done once more called when it was done for real, and what it got: a copy of it can be answered
 * from that, so that both releases see the same of the outside.
 */

import { canonicalJson } from '../canonical-json';

/** A call as the agent reported it. */
export interface ReportedCall {
  name: string;
  params?: unknown;
  result?: unknown;
  error?: string | undefined;
  /** Only the beginning of its params or its result is known. */
  shortened?: boolean | undefined;
}

export interface ReplayCall {
  name: string;
  params: unknown;
  result?: unknown;
  /** In place of `result`: why the tool failed. */
  error?: string | undefined;
}

/** Of all calls of one task, as JSON: more than that would be in the way of the job itself. */
export const MAX_REPLAY_CALLS_BYTES = 256 * 1024;

const sameAs = ({ name, params = null }: ReportedCall): string => canonicalJson([name, params]);

/** In their order; undefined where none told all of its result, or where they are too long to be sent. */
export function replayCalls(reported: readonly ReportedCall[] = []): ReplayCall[] | undefined {
  // Of calls that are alike, all or none: one that is left out would give its turn to the next.
  const inPart = new Set(reported.filter((call) => call.shortened).map(sameAs));
  const calls = reported.flatMap((call): ReplayCall[] => {
    const { name, params = null, result, error } = call;
    if (inPart.has(sameAs(call)) || (result === undefined && error === undefined)) return [];
    return [{ name, params, ...(result !== undefined ? { result } : error !== undefined && { error }) }];
  });
  if (calls.length === 0) return undefined;
  return Buffer.byteLength(JSON.stringify(calls)) > MAX_REPLAY_CALLS_BYTES ? undefined : calls;
}
