/** The ledger: who did what to what, why, and whether the record of it is whole. */
import { useEffect, useState } from 'preact/hooks';
import { withQuery } from '../../api/client';
import { useQuery } from '../../api/query';
import type { AuditEntry, Page } from '../../api/types';
import { useCursor } from '../../parts/cursor';
import { Pager } from '../../parts/pager';
import { QueryView } from '../../parts/query-view';
import { Time } from '../../parts/time';
import { ValueView } from '../../parts/value';
import { runHref, setQuery, usePlace } from '../../router';
import { may } from '../../session';
import { Chain } from './chain';

const FIELDS = [
  ['actor', 'Who', 'engine, local, key:…'],
  ['action', 'What', 'run.cancel, switch.*'],
  ['entity', 'On what', 'run, capsule, switch'],
  ['id', 'Which one', 'its id'],
  ['runId', 'Run', 'the id of a run'],
] as const;
const DATES = [
  ['from', 'From'],
  ['to', 'Before'],
] as const;

export function AuditScreen() {
  const { query } = usePlace();
  const names = [...FIELDS, ...DATES].map(([name]) => name);
  const filter = Object.fromEntries(names.map((name) => [name, query[name]]));
  const path = withQuery('/audit', { ...filter, cursor: query.cursor });
  const entries = useQuery<Page<AuditEntry>>(path);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const items = entries.data?.items ?? [];
  const toggle = (seq: number): void => {
    const next = new Set(open);
    if (!next.delete(seq)) next.add(seq);
    setOpen(next);
  };
  const at = useCursor(items.length, path, (place) => ({
    Enter: () => items[place] && toggle(items[place].seq),
  }));
  return (
    <>
      <h1>Audit</h1>
      {may('operator') ? (
        <Chain />
      ) : (
        <p class="hint">Whether the chain holds can be seen with the scope operator.</p>
      )}
      <Filters query={query} />
      <QueryView query={entries}>
        {({ nextCursor }) => (
          <>
            {items.length === 0 && (
              <p class="empty">
                {nextCursor === null
                  ? 'Nothing in the ledger fits.'
                  : 'Nothing found so far; older entries were not looked at yet.'}
              </p>
            )}
            <ol class="ledger">
              {items.map((entry, i) => (
                <Entry
                  key={entry.seq}
                  entry={entry}
                  isAt={i === at}
                  isOpen={open.has(entry.seq)}
                  toggle={() => toggle(entry.seq)}
                />
              ))}
            </ol>
            <Pager cursor={query.cursor} next={nextCursor} />
          </>
        )}
      </QueryView>
    </>
  );
}

interface EntryProps {
  entry: AuditEntry;
  isAt: boolean;
  isOpen: boolean;
  toggle: () => void;
}

function Entry({ entry, isAt, isOpen, toggle }: EntryProps) {
  const { seq, at, actor, action, entity, id, reason, runId, set, was, hash } = entry;
  return (
    <li class={`card ${isAt ? 'at' : ''}`}>
      <button type="button" class="plain entry" aria-expanded={isOpen} onClick={toggle}>
        <span class="dim">{seq}</span> <Time at={at} /> <strong>{action}</strong>{' '}
        <span class="what">
          {entity} {id}
        </span>{' '}
        <span class="dim">by {actor}</span>
      </button>
      {reason !== null && <p class="text">{reason}</p>}
      {isOpen && (
        <>
          {runId !== null && (
            <p>
              <a href={runHref(runId)}>Run {runId.slice(0, 8)}</a>
            </p>
          )}
          <h3>Changed to</h3>
          <ValueView value={set} name="The new values" />
          {was !== null && (
            <>
              <h3>Was before</h3>
              <ValueView value={was} name="The old values" />
            </>
          )}
          <p class="dim">
            Hash <code class="hash">{hash}</code>
          </p>
        </>
      )}
    </li>
  );
}

function Filters({ query }: { query: Record<string, string> }) {
  const change = (name: string, value: string): void => setQuery({ [name]: value.trim(), cursor: undefined });
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      {FIELDS.map(([name, text, example]) => (
        <label key={name}>
          {text}
          <Field placeholder={example} value={query[name] ?? ''} change={(value) => change(name, value)} />
        </label>
      ))}
      {DATES.map(([name, text]) => (
        <label key={name}>
          {text} (UTC)
          <input
            type="date"
            class="short"
            value={query[name]?.slice(0, 10) ?? ''}
            onChange={(event) => change(name, event.currentTarget.value)}
          />
        </label>
      ))}
    </form>
  );
}

interface FieldProps {
  placeholder: string;
  value: string;
  change: (value: string) => void;
}

/** Searches when it is left or Enter is pressed: a half-typed action is none. */
function Field({ placeholder, value, change }: FieldProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <input
      type="search"
      class="short"
      maxLength={200}
      placeholder={placeholder}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onChange={() => change(text)}
    />
  );
}
