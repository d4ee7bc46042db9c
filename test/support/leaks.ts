/** Whether a test file leaves the process as it found it. */
import { until } from './until';

/** Of what Node counts as keeping a process alive, the kinds our code opens. */
const KINDS = [
  'TCPSocketWrap',
  'TCPServerWrap',
  'PipeWrap',
  'ProcessWrap',
  'Timeout',
  'FSReqCallback',
] as const;
type Counts = Record<(typeof KINDS)[number], number>;

const SETTLE_DEADLINE_MS = 5_000;

export interface LeakCheck {
  /**
   * Waits until no more sockets, servers, pipes, child processes and timers are open than at the
   * beginning. Call it in `afterAll`, after everything was closed.
   * @throws Error with the counts when that does not come about
   */
  readonly backToBaseline: (deadlineMs?: number) => Promise<void>;
}

/**
 * Takes the baseline. Call it in `beforeAll` of the file, before anything is opened: what was closed
 * a moment ago still counts as open, and would hide a leak.
 */
export function leakCheck(): LeakCheck {
  const before = count();
  const excess = () => {
    const now = count();
    return KINDS.filter((kind) => now[kind] > before[kind]).map(
      (kind) => `${kind} +${now[kind] - before[kind]}`,
    );
  };
  return {
    backToBaseline: async (deadlineMs = SETTLE_DEADLINE_MS) => {
      await until(() => excess().length === 0, { deadlineMs }).catch((cause: unknown) => {
        throw new Error(`still open: ${excess().join(', ')}`, { cause });
      });
    },
  };
}

function count(): Counts {
  const open = process.getActiveResourcesInfo();
  return Object.fromEntries(
    KINDS.map((kind) => [kind, open.filter((name) => name === kind).length]),
  ) as Counts;
}
