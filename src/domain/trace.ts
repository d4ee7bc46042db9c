/**
 * Trace ids of W3C, derived from what a run is called: a UUID and a trace id are both 16 bytes. So every
 * orchestrator gives the same run the same trace without asking anybody.
 */
import { createHash } from 'node:crypto';

/** 32 hexadecimal digits. */
export const traceIdOf = (runId: string): string => runId.replaceAll('-', '').toLowerCase();

/** 16 hexadecimal digits for a part of a run: of the run itself without parts. Never zero in practice. */
export const spanIdOf = (runId: string, ...parts: Array<string | number>): string =>
  createHash('sha256')
    .update(JSON.stringify([runId, ...parts]))
    .digest('hex')
    .slice(0, 16);

/** What an agent continues: the span of the attempt that it is sent. */
export const traceparentOf = (runId: string, stepId: string, attempt: number): string =>
  `00-${traceIdOf(runId)}-${spanIdOf(runId, stepId, attempt)}-01`;
