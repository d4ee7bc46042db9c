/** Follows a run to its end: a line for each thing that happens to it. */
import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '../../domain/run';
import { Why } from '../../http/routes/why';
import { RunView } from '../../http/views/run';
import type { ApiClient } from '../client';
import { CliError, EXIT, type ExitCode } from '../exit';
import { seconds } from '../demo/timeline';
import { print, printable, printJson } from '../output';
import { paintFor, type Paint } from '../terminal';
import { eventsOf, keyOf, type RunEvent } from './events';

const POLL_MS = 300;
/** Looks in a row that find the orchestrator gone, e.g. while it is deployed: 30 s. */
const MAX_MISSED = 100;
/** The same reason for so many looks in a row (1.5 s) is worth a line: most are over by then. */
const STUCK_LOOKS = 5;

export interface WatchOptions {
  json: boolean;
  /** After that it is not followed any more. */
  timeoutSeconds: number;
  /** Follow it while a switch, a budget or a breaker holds it, too. */
  patient: boolean;
  signal: AbortSignal;
}

/**
 * Prints events until the run is over. With `json` an event a line.
 * @returns how it ended; `failed` when the person interrupted it
 * @throws CliError when it is held, or takes longer than it is given
 */
export async function watch(api: ApiClient, runId: string, options: WatchOptions): Promise<ExitCode> {
  const { signal, timeoutSeconds } = options;
  const until = Date.now() + timeoutSeconds * 1_000;
  const log = new EventLog(options.json);
  const stuck = { why: null as string | null, looks: 0 };
  while (!signal.aborted) {
    const run = await look(api, runId, signal);
    if (run === undefined) break;
    log.show(run);
    if (isTerminal(run.status)) return run.status === 'succeeded' ? EXIT.ok : EXIT.runFailed;
    stuck.looks = run.why === stuck.why && run.why !== null ? stuck.looks + 1 : 0;
    stuck.why = run.why;
    if (stuck.looks === STUCK_LOOKS) log.why(run.why);
    if (stuck.looks >= STUCK_LOOKS && (await isHeld(api, run, options))) throw heldError(run);
    if (Date.now() > until) throw lateError(run, timeoutSeconds);
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return EXIT.failed;
}

/** A look at the run; one that fails because the orchestrator restarts is made again. Undefined on Ctrl-C. */
async function look(api: ApiClient, runId: string, signal: AbortSignal): Promise<RunView | undefined> {
  for (let missed = 1; ; missed += 1) {
    try {
      return await api.get(`/runs/${runId}`, RunView, { signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      const passing = error instanceof CliError && error.exitCode === EXIT.platform;
      if (!passing || missed >= MAX_MISSED) throw error;
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function isHeld(api: ApiClient, { id }: RunView, { patient, signal }: WatchOptions): Promise<boolean> {
  if (patient) return false;
  const told = await api.get(`/runs/${id}/why`, Why, { signal }).catch((error: unknown) => {
    // The next look at the run says what is wrong.
    if (signal.aborted || error instanceof CliError) return undefined;
    throw error;
  });
  return told?.held ?? false;
}

const heldError = ({ id, why }: RunView): CliError =>
  new CliError(printable(`The run is held: ${why ?? 'it waits'}.`), {
    lines: [`It goes on once that is released. Follow it with: reveille logs -f ${id}`],
    exitCode: EXIT.held,
  });

const lateError = ({ id, why }: RunView, timeoutSeconds: number): CliError =>
  new CliError(`The run is not over after ${timeoutSeconds} s; it goes on.`, {
    lines: [...(why === null ? [] : [printable(why)]), `Follow it with: reveille logs -f ${id}`],
    exitCode: EXIT.timedOut,
  });

/** Prints each event once. */
export class EventLog {
  private readonly seen = new Set<string>();
  private readonly paint: Paint = paintFor(process.stdout, process.env);

  constructor(private readonly json: boolean) {}

  show(run: RunView): void {
    for (const event of eventsOf(run)) {
      const key = keyOf(event);
      if (this.seen.has(key)) continue;
      this.seen.add(key);
      if (this.json) printJson({ runId: run.id, ...event });
      else print(eventLine(event, run, this.paint));
    }
  }

  /** Why it does not move; not for programs, which ask `reveille why --json`. */
  why(why: string | null): void {
    if (why !== null && !this.json) print(this.paint.warn(`          ${printable(why)}`));
  }
}

/** `  1.96 s  analyse  asleep    zero replicas observed`, with seconds since the run was created. */
export function eventLine({ at, step, word, detail }: RunEvent, run: RunView, paint: Paint): string {
  const width = Math.max(3, ...run.steps.map((s) => s.id.length));
  const elapsed = seconds(Date.parse(at) - Date.parse(run.createdAt)).padStart(8);
  const subject = printable((step ?? 'run').padEnd(width));
  const text = `${paint.dim(elapsed)}  ${subject}  ${paint.status(word)(word.padEnd(9))} ${paint.dim(printable(detail))}`;
  return text.trimEnd();
}
