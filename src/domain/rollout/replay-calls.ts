/**
 * What a task that is done once more called when it was done for real, and what it got: a copy of it can be answered
 * from that, so that both releases see the same of the outside.
 */

/** A call as the agent reported it. */
export interface ReportedCall {
  name: string;
  params?: unknown;
  result?: unknown;
  error?: string | undefined;
}

export interface ReplayCall {
  name: string;
  params: unknown;
  result?: unknown;
  /** In place of `result`: why the tool failed. */
  error?: string;
}

/** Of all calls of one task, as JSON: more than that would be in the way of the job itself. */
export const MAX_REPLAY_CALLS_BYTES = 256 * 1024;

/** In their order; undefined where none told its result, or where they are too long to be sent. */
export function replayCalls(reported: readonly ReportedCall[] = []): ReplayCall[] | undefined {
  const calls = reported.flatMap(({ name, params = null, result, error }): ReplayCall[] => {
    if (result === undefined && error === undefined) return [];
    return [{ name, params, ...(result !== undefined ? { result } : error !== undefined && { error }) }];
  });
  if (calls.length === 0) return undefined;
  return Buffer.byteLength(JSON.stringify(calls)) > MAX_REPLAY_CALLS_BYTES ? undefined : calls;
}
