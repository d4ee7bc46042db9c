/** A list of which only what is in view is in the page: 100,000 runs scroll like ten. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { runShown } from '../../../../src/domain/status';
import type { RunSummary } from '../../api/types';
import { Badge } from '../../parts/badge';
import { Loading } from '../../parts/query-view';
import { duration, msBetween, Time, useZones } from '../../parts/time';
import { runHref } from '../../router';
import type { RunPages } from './pages';

/** Pixels; the same in style/runs.css. */
const ROW = 56;
const BEYOND = 8;
/** Where the next page is asked for. */
const AHEAD = 30;

interface Props {
  pages: RunPages;
  selected: ReadonlySet<string>;
  toggle: (id: string) => void;
  /** The row that j and k are at; -1: none. */
  at: number;
  total: number | undefined;
}

export function RunList({ pages, selected, toggle, at, total }: Props) {
  const { items, loaded, hasMore, more } = pages;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 700 });
  const zoneOf = useZones();
  const look = (): void => {
    if (box.current) setView({ top: box.current.scrollTop, height: box.current.clientHeight });
  };
  useEffect(look, [items.length]);
  useEffect(() => {
    if (at < 0 || !box.current) return;
    const { scrollTop, clientHeight } = box.current;
    if (at * ROW < scrollTop) box.current.scrollTop = at * ROW;
    else if ((at + 1) * ROW > scrollTop + clientHeight) box.current.scrollTop = (at + 1) * ROW - clientHeight;
  }, [at]);
  const first = Math.max(0, Math.floor(view.top / ROW) - BEYOND);
  const end = Math.min(items.length, Math.ceil((view.top + view.height) / ROW) + BEYOND);
  useEffect(() => {
    if (hasMore && end + AHEAD > items.length) more();
  }, [end, items.length, hasMore, more]);
  if (!loaded && !pages.problem) return <Loading />;
  if (items.length === 0) return null;
  return (
    <div class="run-list" ref={box} onScroll={look} tabIndex={0} role="region" aria-label="Runs">
      <ul style={{ height: `${items.length * ROW}px` }}>
        {items.slice(first, end).map((run, i) => (
          <Row
            key={run.id}
            run={run}
            place={first + i}
            total={total ?? items.length}
            isAt={first + i === at}
            isSelected={selected.has(run.id)}
            toggle={toggle}
            zone={zoneOf(run.workflowId)}
          />
        ))}
      </ul>
    </div>
  );
}

interface RowProps {
  run: RunSummary;
  place: number;
  total: number;
  isAt: boolean;
  isSelected: boolean;
  toggle: (id: string) => void;
  zone: string | undefined;
}

function Row({ run, place, total, isAt, isSelected, toggle, zone }: RowProps) {
  return (
    <li
      class={`run-row ${isAt ? 'at' : ''}`}
      style={{ top: `${place * ROW}px` }}
      aria-setsize={total}
      aria-posinset={place + 1}
      data-run={run.id}
    >
      <input
        type="checkbox"
        checked={isSelected}
        aria-label={`Select run ${run.id.slice(0, 8)}`}
        onChange={() => toggle(run.id)}
      />
      <a href={runHref(run.id)} class="run-link">
        <span class="run-name">
          <strong>{run.workflowId}</strong> <code class="dim">{run.id.slice(0, 8)}</code>
        </span>
        <Badge shown={runShown(run)} />
        <span class="run-what">{whatOf(run)}</span>
        <span class="run-when dim">
          <Time at={run.createdAt} zone={zone} />
          {run.startedAt !== null && ` · ${duration(msBetween(run.startedAt, run.finishedAt))}`}
        </span>
      </a>
    </li>
  );
}

function whatOf({ error, steps, trigger }: RunSummary): string {
  if (error) return error.message;
  const done = steps.filter(({ status }) => status === 'succeeded').length;
  return `${done} of ${steps.length} steps · by ${trigger.kind}`;
}
