/** The place in a list that j and k move, and what is done there. */
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { useKeys, type Keys } from '../keys';

/**
 * @param key what is listed: with another list the place is lost
 * @param keys what more can be done at the place, by its key
 * @returns the place; -1 before any
 */
export function useCursor(count: number, key: string, keys: (at: number) => Keys): number {
  const [place, setPlace] = useState(-1);
  useLayoutEffect(() => setPlace(-1), [key]);
  const at = Math.min(place, count - 1);
  const move = (by: number) => () => setPlace(Math.max(0, Math.min(at + by, count - 1)));
  useKeys({ j: move(1), k: move(-1), ...(at >= 0 && keys(at)) });
  useEffect(() => {
    if (at >= 0) document.querySelector('.at')?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  return at;
}
