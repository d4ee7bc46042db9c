/** What happens to every run and capsule from now on: compares what the API tells with the look before. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { capsuleShown, runShown, stepShown } from '../../domain/status';
import { CapsuleView } from '../../http/views/capsule';
import { RunSummary } from '../../http/views/run';
import type { ApiClient } from '../client';
import { CliError, EXIT } from '../exit';
import { print, printable, printJson } from '../output';
import { paintFor } from '../terminal';
import { SHORT_ID } from './text';

const POLL_MS = 1_000;
/** Of each of: the newest, those under way. Who has more under way follows one with `logs -f <run>`. */
const MAX_RUNS = 200;
/** Looks in a row that find the orchestrator gone, e.g. while it is deployed: 30 s. */
const MAX_MISSED = 30;
/** Things remembered; what has not changed for the longest is forgotten first. */
const MAX_SEEN = 20_000;

interface FollowOptions {
  json: boolean;
  timeoutSeconds: number;
  signal: AbortSignal;
}

interface Change {
  at: string;
  /** `run`, `step` or `capsule`. */
  what: 'run' | 'step' | 'capsule';
  runId: string | null;
  workflowId: string | null;
  /** The step, or the capsule; null for a run. */
  id: string | null;
  status: string;
  detail: string;
}

/** Prints changes until Ctrl-C or the time is over. @throws CliError when the orchestrator stays away */
export async function followAll(api: ApiClient, { json, timeoutSeconds, signal }: FollowOptions) {
  const until = Date.now() + timeoutSeconds * 1_000;
  const seen = new Map<string, string>();
  for (let missed = 0, first = true; !signal.aborted && Date.now() < until;) {
    try {
      const now = await look(api, signal);
      for (const change of fresh(now, seen)) {
        if (!first) tell(change, json);
      }
      if (first && process.stderr.isTTY) process.stderr.write('following every run; Ctrl-C ends\n');
      [first, missed] = [false, 0];
    } catch (error) {
      if (signal.aborted) return;
      missed += 1;
      const passing = error instanceof CliError && error.exitCode === EXIT.platform && !first;
      if (!passing || missed >= MAX_MISSED) throw error;
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function look(api: ApiClient, signal: AbortSignal): Promise<Change[]> {
  const page = z.object({ items: z.array(RunSummary) });
  const query = { limit: MAX_RUNS };
  const [newest, running, capsules] = await Promise.all([
    api.get('/runs', page, { query, signal }),
    api.get('/runs', page, { query: { ...query, status: 'running' }, signal }),
    api.get('/capsules', z.object({ items: z.array(CapsuleView) }), { signal }),
  ]);
  const runs = new Map([...running.items, ...newest.items].map((run) => [run.id, run]));
  const oldestFirst = [...runs.values()].reverse();
  return [...oldestFirst.flatMap(ofRun), ...capsules.items.map(ofCapsule)];
}

function ofRun(run: RunSummary): Change[] {
  const at = new Date().toISOString();
  const { id: runId, workflowId, error } = run;
  const about = { at, runId, workflowId };
  const steps = run.steps
    .filter((step) => step.status !== 'pending')
    .map((step): Change => {
      const detail = step.agentId === null ? step.kind : `agent ${step.agentId}`;
      return { ...about, what: 'step', id: step.id, status: stepShown(step).text, detail };
    });
  // While it runs its steps say how; their words are not the run's.
  const status = run.status === 'running' ? 'running' : runShown(run).text;
  const whole: Change = { ...about, what: 'run', id: null, status, detail: error?.message ?? '' };
  return ['queued', 'running'].includes(run.status) ? [whole, ...steps] : [...steps, whole];
}

function ofCapsule({ id, agentId, status, generation, reasonsAwake }: CapsuleView): Change {
  const shift = generation === 0 ? '' : `, shift ${generation}`;
  const detail = `of agent ${agentId}${shift}${reasonsAwake[0] === undefined ? '' : `: ${reasonsAwake[0]}`}`;
  const at = new Date().toISOString();
  return {
    at,
    what: 'capsule',
    runId: null,
    workflowId: null,
    id,
    status: capsuleShown(status).text,
    detail,
  };
}

type CapsuleView = z.infer<typeof CapsuleView>;

function fresh(now: readonly Change[], seen: Map<string, string>): Change[] {
  return now.filter(({ what, runId, id, status }) => {
    const key = `${what} ${runId ?? ''} ${id ?? ''}`;
    if (seen.get(key) === status) return false;
    seen.delete(key); // so that it counts as the newest
    seen.set(key, status);
    const oldest = seen.size > MAX_SEEN ? seen.keys().next() : undefined;
    if (oldest && oldest.done !== true) seen.delete(oldest.value);
    return true;
  });
}

function tell(change: Change, json: boolean): void {
  if (json) return printJson(change);
  const { at, runId, workflowId, id, status, detail } = change;
  const paint = paintFor(process.stdout, process.env);
  const which = runId === null ? (id ?? '') : `${runId.slice(0, SHORT_ID)} ${workflowId ?? ''}`;
  const where = runId === null || id === null ? '' : `  ${id}`;
  const text = `${paint.dim(at.slice(11, 19))}  ${printable(which + where)}  ${paint.status(status)(status)}`;
  print(`${text}  ${paint.dim(printable(detail))}`.trimEnd());
}
