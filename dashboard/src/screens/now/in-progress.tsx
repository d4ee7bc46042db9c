/** Runs in progress, stuck ones first with the reason. */
import { useEffect, useState } from 'preact/hooks';
import { runShown } from '../../../../src/domain/status';
import { asProblem, get } from '../../api/client';
import type { Query } from '../../api/query';
import type { Page, RunSummary } from '../../api/types';
import { ActionButton } from '../../parts/actions';
import { Badge } from '../../parts/badge';
import { MendButton } from '../../parts/mend-button';
import { QueryView } from '../../parts/query-view';
import { cancelRun, runPath } from '../../parts/runs-actions';
import { duration, msBetween } from '../../parts/time';
import { runHref } from '../../router';
import { may } from '../../session';

type Runs = Query<Page<RunSummary>>;
/** Reasons asked for at once; runs beyond show theirs on their own page. */
const MAX_ASKED = 20;

export function RunsInProgress({ running, queued }: { running: Runs; queued: Runs }) {
  const all = [...(running.data?.items ?? []), ...(queued.data?.items ?? [])];
  const [looks, setLooks] = useState(0);
  const reasons = useReasons(all, looks);
  const reload = (): void => setLooks((n) => n + 1);
  const stuckFirst = [...all].sort((a, b) => Number(reasons.has(b.id)) - Number(reasons.has(a.id)));
  const cut = [running, queued].some(({ data }) => data?.nextCursor);
  // A number that was not read is not zero.
  const known = running.data !== undefined && queued.data !== undefined;
  return (
    <section aria-labelledby="in-progress">
      <h2 id="in-progress">
        Runs in progress {known && <span class="count">{cut ? `${all.length}+` : all.length}</span>}
      </h2>
      {queued.problem && <QueryView query={queued}>{() => null}</QueryView>}
      <QueryView query={running} isEmpty={() => all.length === 0} empty="No run is under way.">
        {() => (
          <ul class="cards">
            {stuckFirst.map((run) => (
              <InProgress key={run.id} run={run} reason={reasons.get(run.id)} reload={reload} />
            ))}
          </ul>
        )}
      </QueryView>
    </section>
  );
}

interface CardProps {
  run: RunSummary;
  reason: string | undefined;
  reload: () => void;
}

function InProgress({ run, reason, reload }: CardProps) {
  const done = run.steps.filter(({ status }) => status === 'succeeded' || status === 'skipped').length;
  return (
    <li class={`card ${reason === undefined ? '' : 'tone-held'}`}>
      <div class="row">
        <span class="row start">
          <Badge shown={runShown(run)} />
          <a href={runHref(run.id)}>{run.workflowId}</a>
          <span class="dim">
            {done} of {run.steps.length} steps · {duration(msBetween(run.startedAt ?? run.createdAt, null))}
          </span>
        </span>
        {may('operator') && (
          <ActionButton label="Cancel" done="Cancelled." kind="danger" action={() => cancelRun(run.id)} />
        )}
      </div>
      {reason !== undefined && (
        <div class="why row">
          <span>{reason}</span>
          <MendButton why={reason} reload={reload} />
        </div>
      )}
    </li>
  );
}

/** Why runs do not move, by id; those that move are left out. Another `looks` asks anew. */
function useReasons(runs: readonly RunSummary[], looks: number): ReadonlyMap<string, string> {
  const [reasons, setReasons] = useState<ReadonlyMap<string, string>>(new Map());
  const asked = runs.slice(0, MAX_ASKED);
  const state = asked.map(({ id, steps }) => id + steps.map((s) => s.status).join()).join(' ');
  useEffect(() => {
    const stop = new AbortController();
    const ask = async ({ id }: RunSummary): Promise<[string, string] | undefined> => {
      const { why } = await get<{ why: string | null }>(`${runPath(id)}/why`, stop.signal);
      return why === null ? undefined : [id, why];
    };
    const failed = (run: RunSummary) => (error: unknown) =>
      [run.id, `The reason cannot be told: ${asProblem(error).title}`] as [string, string];
    void Promise.all(asked.map((run) => ask(run).catch(failed(run)))).then((found) => {
      if (!stop.signal.aborted) setReasons(new Map(found.filter((pair) => pair !== undefined)));
    });
    return () => stop.abort();
  }, [state, looks]);
  return reasons;
}
