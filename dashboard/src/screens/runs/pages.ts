/** The pages of a list of runs: more as one scrolls, and what changes meanwhile put in its place. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { asProblem, get, withQuery, type Problem } from '../../api/client';
import type { Page, RunSummary } from '../../api/types';
import { live } from '../../live/events';
import { withFirstPage } from './merge';

const PAGE = 100;
const FRESH_MS = 15_000;
const SETTLE_MS = 150;

export interface RunPages {
  items: readonly RunSummary[];
  /** The first page has come. */
  loaded: boolean;
  hasMore: boolean;
  problem?: Problem;
  more: () => void;
  reload: () => void;
}

interface State {
  key: string;
  items: readonly RunSummary[];
  loaded: boolean;
  cursor: string | null;
  problem?: Problem;
}

const nothing = (key: string): State => ({ key, items: [], loaded: false, cursor: null });

export function useRunPages(filter: Record<string, string>): RunPages {
  const key = withQuery('/runs', { ...filter, limit: String(PAGE) });
  const [state, setState] = useState<State>(() => nothing(key));
  const busy = useRef(false);
  const reloadNow = useRef<() => void>(() => undefined);
  const current = state.key === key ? state : nothing(key);

  useEffect(() => {
    const stop = new AbortController();
    const fail = (error: unknown): void => {
      if (stop.signal.aborted) return;
      setState((old) => ({ ...(old.key === key ? old : nothing(key)), problem: asProblem(error) }));
    };
    const first = (): Promise<void> =>
      get<Page<RunSummary>>(key, stop.signal).then(({ items, nextCursor }) => {
        setState((old) => {
          const kept = old.key === key && old.items.length > items.length && nextCursor !== null;
          return kept
            ? { key, items: withFirstPage(old.items, items), loaded: true, cursor: old.cursor }
            : { key, items, loaded: true, cursor: nextCursor };
        });
      }, fail);
    let timer: number | undefined;
    const soon = (): void => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void first(), SETTLE_MS);
    };
    reloadNow.current = () => void first();
    void first();
    const forget = live.listen((event) => {
      if (event.type === 'resync') return soon();
      if (event.type !== 'run') return;
      const { data } = event;
      setState((old) => ({ ...old, items: old.items.map((run) => (run.id === data.id ? data : run)) }));
      soon();
    });
    const beat = window.setInterval(soon, FRESH_MS);
    return () => {
      stop.abort();
      forget();
      window.clearTimeout(timer);
      window.clearInterval(beat);
    };
  }, [key]);

  const { cursor } = current;
  const more = useCallback(() => {
    if (cursor === null || busy.current) return;
    busy.current = true;
    get<Page<RunSummary>>(`${key}&cursor=${encodeURIComponent(cursor)}`)
      .then(
        ({ items, nextCursor }) =>
          setState((old) => {
            if (old.key !== key) return old;
            const known = new Set(old.items.map(({ id }) => id));
            const fresh = items.filter(({ id }) => !known.has(id));
            return { key, items: [...old.items, ...fresh], loaded: true, cursor: nextCursor };
          }),
        (error: unknown) => setState((old) => ({ ...old, problem: asProblem(error) })),
      )
      .finally(() => (busy.current = false));
  }, [key, cursor]);
  const reload = useCallback(() => reloadNow.current(), []);
  return { ...current, hasMore: cursor !== null, more, reload };
}
