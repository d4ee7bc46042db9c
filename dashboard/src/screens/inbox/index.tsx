/** What waits for a person's word, and what agents sent. */
import { withQuery } from '../../api/client';
import { onRun, useQuery } from '../../api/query';
import type { Approval, Page } from '../../api/types';
import { QueryView } from '../../parts/query-view';
import { Pager } from '../../parts/pager';
import { setQuery, usePlace } from '../../router';
import { Deliveries } from './deliveries';
import { Memo } from './memo';

const SHOWN = ['approvals', 'deliveries'] as const;

export function InboxScreen() {
  const { query } = usePlace();
  const shown = query.show === 'deliveries' ? 'deliveries' : 'approvals';
  return (
    <>
      <h1>Inbox</h1>
      <div class="counts" role="group" aria-label="What is shown">
        {SHOWN.map((what) => (
          <button
            key={what}
            type="button"
            aria-pressed={what === shown}
            onClick={() => setQuery({ show: what === 'approvals' ? undefined : what, ...NO_FILTER })}
          >
            {what === 'approvals' ? 'Approvals' : 'Webhook deliveries'}
          </button>
        ))}
      </div>
      {shown === 'approvals' ? <Approvals query={query} /> : <Deliveries query={query} />}
    </>
  );
}

const NO_FILTER = { state: undefined, bin: undefined, verdict: undefined, cursor: undefined };

function Approvals({ query }: { query: Record<string, string> }) {
  const { state, cursor } = query;
  const approvals = useQuery<Page<Approval>>(withQuery('/approvals', { state, cursor, limit: '30' }), {
    when: onRun,
  });
  return (
    <section aria-labelledby="approvals">
      <div class="row">
        <h2 id="approvals">Approvals</h2>
        <label class="check">
          <input
            type="checkbox"
            checked={state === 'any'}
            onChange={() => setQuery({ state: state === 'any' ? undefined : 'any', cursor: undefined })}
          />
          Also those that are over
        </label>
      </div>
      <QueryView query={approvals} isEmpty={({ items }) => items.length === 0} empty="Nobody is asked.">
        {({ items, nextCursor }) => (
          <>
            {items.map((memo) => (
              <Memo key={memo.id} memo={memo} reload={approvals.reload} />
            ))}
            <Pager cursor={cursor} next={nextCursor} />
          </>
        )}
      </QueryView>
    </section>
  );
}
