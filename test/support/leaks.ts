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
/** So many looks in a row with the same counts are taken for steady. */
const SETTLED_LOOKS = 3;

export interface LeakCheck {
  /**
   * Waits until no more sockets, servers, pipes, child processes and timers are open than at the
   * beginning. Call it in `afterAll`, after everything was closed.
   * @throws Error with the counts when that does not come about
   */
  readonly backToBaseline: (deadlineMs?: number) => Promise<void>;
}

/** Takes the baseline. Call it in `beforeAll`, before anything is opened. */
export async function leakCheck(): Promise<LeakCheck> {
  const before = await settledCount();
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

/** What an earlier test has closed is still counted for a moment, and would hide a leak of this one. */
async function settledCount(): Promise<Counts> {
  let [last, same] = ['', 0];
  const settled = () => {
    const now = JSON.stringify(count());
    same = now === last ? same + 1 : 0;
    last = now;
    return same >= SETTLED_LOOKS;
  };
  await until(settled, { deadlineMs: SETTLE_DEADLINE_MS, what: 'a steady number of open handles' });
  return count();
}

function count(): Counts {
  const open = process.getActiveResourcesInfo();
  return Object.fromEntries(
    KINDS.map((kind) => [kind, open.filter((name) => name === kind).length]),
  ) as Counts;
}
