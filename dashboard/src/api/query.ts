/** What a screen reads: loaded, kept fresh by events, and never empty because of an error. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { live, type LiveEvent } from '../live/events';
import { asProblem, get, type Problem } from './client';

export interface Query<T> {
  data?: T;
  /** Set while the last try failed, also beside older data. */
  problem?: Problem;
  loading: boolean;
  reload: () => void;
}

export interface QueryOptions {
  /** Whether an event makes the answer old. */
  when?: (event: LiveEvent) => boolean;
  /** Read again after this, whatever happens: another process may have changed it. */
  everyMs?: number;
}

const EVERY_MS = 15_000;
/** Events come in bursts. */
const SETTLE_MS = 120;

/** @param path undefined: nothing is asked yet */
export function useQuery<T>(path: string | undefined, options: QueryOptions = {}): Query<T> {
  const [state, setState] = useState<{ path?: string; data?: T; problem?: Problem }>({});
  const latest = useRef(options);
  latest.current = options;
  const load = useRef<() => void>(() => undefined);

  useEffect(() => {
    if (path === undefined) return;
    const stop = new AbortController();
    let underWay = false;
    let again = false;
    let timer: number | undefined;
    const read = async (): Promise<void> => {
      if (underWay) {
        again = true;
        return;
      }
      underWay = true;
      try {
        const data = await get<T>(path, stop.signal);
        setState({ path, data });
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((old) => ({ ...(old.path === path ? old : {}), path, problem: asProblem(error) }));
      } finally {
        underWay = false;
      }
      if (again) {
        again = false;
        soon();
      }
    };
    const soon = (): void => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void read(), SETTLE_MS);
    };
    load.current = () => void read();
    void read();
    const forget = live.listen((event) => {
      if (event.type === 'resync' || latest.current.when?.(event)) soon();
    });
    const beat = window.setInterval(() => {
      if (!document.hidden) void read();
    }, latest.current.everyMs ?? EVERY_MS);
    return () => {
      stop.abort();
      forget();
      window.clearInterval(beat);
      window.clearTimeout(timer);
    };
  }, [path]);

  const reload = useCallback(() => load.current(), []);
  const current = state.path === path ? state : {};
  const loading = path !== undefined && current.data === undefined && current.problem === undefined;
  return { ...current, loading, reload };
}

export const onRun = (event: LiveEvent): boolean => event.type === 'run';
export const onCapsule = (event: LiveEvent): boolean => event.type === 'capsule';
export const onRollout = (event: LiveEvent): boolean => event.type === 'rollout';
export const onAlert = (event: LiveEvent): boolean => event.type === 'alert';
