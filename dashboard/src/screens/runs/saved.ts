/** Views of the runs that somebody gave a name, kept in this browser. */
export interface SavedView {
  name: string;
  /** The filters, as they are in the address. */
  query: string;
}

export const MAX_VIEWS = 20;
export const MAX_NAME = 60;

const isView = (value: unknown): value is SavedView =>
  typeof value === 'object' &&
  value !== null &&
  'name' in value &&
  typeof value.name === 'string' &&
  'query' in value &&
  typeof value.query === 'string';

/** What is no list of views, by whatever hand, is none. */
export function parseViews(text: string | null): SavedView[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter(isView).slice(0, MAX_VIEWS) : [];
  } catch {
    return []; // not ours: overwritten by the next one that is saved
  }
}

/** A name once: the newer takes its place. The oldest go when there are too many. */
export const withView = (views: readonly SavedView[], view: SavedView): SavedView[] =>
  [...views.filter(({ name }) => name !== view.name), view].slice(-MAX_VIEWS);
