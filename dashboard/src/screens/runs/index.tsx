/** Every run there is: filters in the address, true counts, and many of them at once. */
import { useEffect, useState } from 'preact/hooks';
import { statusShown } from '../../../../src/domain/status';
import { withQuery } from '../../api/client';
import { onRun, useQuery } from '../../api/query';
import type { Page, RunCounts, RunStatus, Workflow } from '../../api/types';
import { useCursor } from '../../parts/cursor';
import { ProblemView, QueryView } from '../../parts/query-view';
import { go, runHref, setQuery, usePlace } from '../../router';
import { may } from '../../session';
import { BulkBar } from './bulk';
import { RunList } from './list';
import { useRunPages } from './pages';
import { Views } from './views';

const STATUSES: readonly RunStatus[] = ['queued', 'running', 'succeeded', 'failed', 'cancelled'];
const TYPED_MS = 250;
const PERIODS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 };

export function RunsScreen() {
  const { query } = usePlace();
  const filter = apiFilter(query);
  const counts = useQuery<RunCounts>(withQuery('/runs/counts', filter), { when: onRun });
  const pages = useRunPages(filter);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const key = JSON.stringify(filter);
  useEffect(() => setSelected(new Set()), [key]);
  const toggle = (id: string): void => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  const at = useCursor(pages.items.length, key, (place) => {
    const current = pages.items[place];
    return current ? { Enter: () => go(runHref(current.id)), x: () => toggle(current.id) } : {};
  });
  return (
    <>
      <h1>Runs</h1>
      <Views query={query} />
      <Filters query={query} />
      <QueryView query={counts}>
        {({ total, byStatus }) => <Counts total={total} byStatus={byStatus} status={query.status} />}
      </QueryView>
      {may('operator') && (
        <BulkBar
          filter={filter}
          selected={pages.items.filter(({ id }) => selected.has(id))}
          clear={() => setSelected(new Set())}
        />
      )}
      {pages.problem && <ProblemView problem={pages.problem} retry={pages.reload} />}
      {pages.loaded && pages.items.length === 0 && !pages.problem && (
        <p class="empty">
          {Object.keys(filter).length === 0
            ? 'There are no runs yet. The palette (Ctrl K) starts one.'
            : 'No run fits these filters.'}
        </p>
      )}
      <RunList pages={pages} selected={selected} toggle={toggle} at={at} total={counts.data?.total} />
    </>
  );
}

/** The filters of the address in the API's words. */
function apiFilter({ status, workflowId, text, parent, step, since }: Record<string, string>) {
  const ms = PERIODS[since as keyof typeof PERIODS];
  // To the minute, so that the question stays the same while it is asked again.
  const after = ms && new Date(Math.floor((Date.now() - ms) / 60_000) * 60_000).toISOString();
  const filter = { status, workflowId, text, parent, step, createdAfter: after || undefined };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value)) as Record<string, string>;
}

function Filters({ query }: { query: Record<string, string> }) {
  const workflows = useQuery<Page<Workflow>>('/workflows', { everyMs: 60_000 });
  const [text, setText] = useState(query.text ?? '');
  useEffect(() => setText(query.text ?? ''), [query.text]);
  useEffect(() => {
    if (text === (query.text ?? '')) return;
    const timer = window.setTimeout(() => setQuery({ text }), TYPED_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  const known = workflows.data?.items ?? [];
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Search
        <input
          type="search"
          placeholder="id, workflow or error  ( / )"
          maxLength={200}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <label>
        Workflow
        <select
          value={query.workflowId ?? ''}
          onChange={(event) => setQuery({ workflowId: event.currentTarget.value })}
        >
          <option value="">all</option>
          {known.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
          {query.workflowId !== undefined && !known.some(({ id }) => id === query.workflowId) && (
            <option value={query.workflowId}>{query.workflowId}</option>
          )}
        </select>
      </label>
      <label>
        Created
        <select
          value={query.since ?? ''}
          onChange={(event) => setQuery({ since: event.currentTarget.value })}
        >
          <option value="">at any time</option>
          {Object.keys(PERIODS).map((period) => (
            <option key={period} value={period}>
              in the last {period}
            </option>
          ))}
        </select>
      </label>
      {query.parent !== undefined && (
        <p>
          Only runs of <a href={runHref(query.parent)}>run {query.parent.slice(0, 8)}</a>{' '}
          <button
            type="button"
            class="small"
            onClick={() => setQuery({ parent: undefined, step: undefined })}
          >
            Show all
          </button>
        </p>
      )}
    </form>
  );
}

interface CountsProps extends RunCounts {
  status: string | undefined;
}

function Counts({ total, byStatus, status }: CountsProps) {
  const all = STATUSES.reduce((sum, s) => sum + byStatus[s], 0);
  return (
    <div class="counts" role="group" aria-label={`Status; ${total} runs fit`}>
      <button type="button" aria-pressed={!status} onClick={() => setQuery({ status: undefined })}>
        all <strong>{all.toLocaleString()}</strong>
      </button>
      {STATUSES.map((s) => (
        <button
          key={s}
          type="button"
          aria-pressed={status === s}
          onClick={() => setQuery({ status: status === s ? undefined : s })}
        >
          <span aria-hidden="true">{statusShown(s).sign}</span> {s}{' '}
          <strong>{byStatus[s].toLocaleString()}</strong>
        </button>
      ))}
    </div>
  );
}
