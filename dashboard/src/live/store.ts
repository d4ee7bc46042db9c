/** A value that components watch. */
import { useEffect, useState } from 'preact/hooks';

export interface Store<T> {
  get: () => T;
  set: (value: T) => void;
  watch: (listener: (value: T) => void) => () => void;
}

export function store<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get: () => value,
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
    watch: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function useStore<T>({ get, watch }: Store<T>): T {
  const [value, setValue] = useState<T>(() => get());
  useEffect(() => {
    setValue(() => get()); // what changed between the first paint and this
    return watch((next) => setValue(() => next));
  }, [get, watch]);
  return value;
}
