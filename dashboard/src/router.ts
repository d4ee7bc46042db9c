/** Where we are: `/app/<screen>/<id>?<filters>`. What a screen shows is in the address, so that it can be shared. */
import { store, useStore } from './live/store';

export interface Place {
  /** The first part after `/app/`; empty: the first screen. */
  screen: string;
  id?: string;
  query: Record<string, string>;
}

export function placeOf({ pathname, search }: Pick<Location, 'pathname' | 'search'>): Place {
  const [, app, screen = '', id] = pathname.split('/');
  const query = Object.fromEntries(new URLSearchParams(search));
  if (app !== 'app') return { screen: '', query };
  return { screen, query, ...(id !== undefined && id !== '' && { id: decodeURIComponent(id) }) };
}

const place = store<Place>(placeOf(window.location));
window.addEventListener('popstate', () => place.set(placeOf(window.location)));

export const usePlace = (): Place => useStore(place);

export function go(href: string, { replace = false } = {}): void {
  window.history[replace ? 'replaceState' : 'pushState'](null, '', href);
  place.set(placeOf(window.location));
  if (!replace) window.scrollTo(0, 0);
}

/** Changes filters in the address; undefined or empty removes one. No new entry in the history, unless asked. */
export function setQuery(change: Record<string, string | undefined>, { replace = true } = {}): void {
  const { pathname, search } = window.location;
  const params = new URLSearchParams(search);
  for (const [key, value] of Object.entries(change)) {
    if (value === undefined || value === '') params.delete(key);
    else params.set(key, value);
  }
  const text = params.toString();
  go(text === '' ? pathname : `${pathname}?${text}`, { replace });
}

/** Links of ours are followed without loading the page anew. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const href = link?.getAttribute('href');
  if (!link || !href || link.target === '_blank' || link.hasAttribute('download')) return;
  if (href !== '/' && !href.startsWith('/app/')) return;
  event.preventDefault();
  go(href);
}

export const runHref = (id: string): string => `/app/runs/${encodeURIComponent(id)}`;
