/** Pages by the cursor in the address: an older page stays what it is, and can be shared. */
import { setQuery } from '../router';

export function Pager({ cursor, next }: { cursor: string | undefined; next: string | null }) {
  if (cursor === undefined && next === null) return null;
  return (
    <nav class="row start pager" aria-label="Pages">
      <button
        type="button"
        disabled={cursor === undefined}
        onClick={() => setQuery({ cursor: undefined }, { replace: false })}
      >
        <span aria-hidden="true">⇤ </span>Newest
      </button>
      <button
        type="button"
        disabled={next === null}
        onClick={() => next !== null && setQuery({ cursor: next }, { replace: false })}
      >
        Older<span aria-hidden="true"> ›</span>
      </button>
      {cursor !== undefined && <span class="dim">Not the newest are shown.</span>}
    </nav>
  );
}
