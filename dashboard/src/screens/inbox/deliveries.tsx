/** Everything that came by webhook, with the verdict on it. */
import { withQuery } from '../../api/client';
import { onRun, useQuery } from '../../api/query';
import type { DeliverySummary, Page } from '../../api/types';
import { Badge } from '../../parts/badge';
import { useCursor } from '../../parts/cursor';
import { Pager } from '../../parts/pager';
import { ProblemView, QueryView } from '../../parts/query-view';
import { Time } from '../../parts/time';
import { go, setQuery } from '../../router';
import type { Shown } from '../../../../src/domain/status';

export const VERDICTS: Record<DeliverySummary['verdict'], Shown> = {
  ok: { text: 'ok', tone: 'good', sign: '✓' },
  misshapen: { text: 'misshapen', tone: 'held', sign: '◔' },
  'bad-signature': { text: 'bad signature', tone: 'bad', sign: '✕' },
  refused: { text: 'refused', tone: 'bad', sign: '✕' },
};

const deliveryHref = (id: string): string => `/app/inbox/${encodeURIComponent(id)}`;

export function Deliveries({ query }: { query: Record<string, string> }) {
  const { verdict, bin, cursor } = query;
  const path = withQuery('/inbox', { verdict, bin, cursor });
  const deliveries = useQuery<Page<DeliverySummary>>(path, { when: onRun });
  const items = deliveries.data?.items ?? [];
  const at = useCursor(items.length, path, (place) => ({
    Enter: () => items[place] && go(deliveryHref(items[place].id)),
  }));
  return (
    <section aria-labelledby="deliveries">
      <h2 id="deliveries">Webhook deliveries</h2>
      <Filters verdict={verdict} bin={bin} />
      {deliveries.problem?.code === 'inbox-off' ? (
        <ProblemView problem={deliveries.problem} />
      ) : (
        <QueryView
          query={deliveries}
          isEmpty={(page) => page.items.length === 0}
          empty={verdict || bin ? 'No delivery fits these filters.' : 'Nothing was delivered yet.'}
        >
          {({ nextCursor }) => (
            <>
              <ul class="cards">
                {items.map((delivery, i) => (
                  <Row key={delivery.id} delivery={delivery} isAt={i === at} />
                ))}
              </ul>
              <Pager cursor={cursor} next={nextCursor} />
            </>
          )}
        </QueryView>
      )}
    </section>
  );
}

function Row({ delivery, isAt }: { delivery: DeliverySummary; isAt: boolean }) {
  const { id, bin, verdict, method, path, receivedAt, answer, shape, signature, status, stepId, runId } =
    delivery;
  const why = signature.reason ?? shape.reason ?? shape.differences[0];
  return (
    <li class={`card ${isAt ? 'at' : ''}`} data-delivery={id}>
      <div class="row">
        <span class="row start">
          <Badge shown={VERDICTS[verdict]} />
          <a href={deliveryHref(id)}>{stepId === null ? `${method} ${path}` : `step ${stepId}`}</a>
          {runId !== null && <code class="dim">{runId.slice(0, 8)}</code>}
        </span>
        <span class="dim">
          <Time at={receivedAt} /> · answered {answer.status}
        </span>
      </div>
      <p class="dim">
        bin {bin}
        {stepId !== null && ` · ${method} ${path}`}
        {status !== null && ` · ${status}`}
        {verdict !== 'ok' && why && ` · ${typeof why === 'string' ? why : differenceText(why)}`}
      </p>
    </li>
  );
}

type Difference = DeliverySummary['shape']['differences'][number];

export const differenceText = ({ field, saw, expected }: Difference): string =>
  `${field === '' ? 'the body' : field} is ${saw}, expected ${expected}`;

function Filters({ verdict, bin }: { verdict: string | undefined; bin: string | undefined }) {
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Verdict
        <select
          value={verdict ?? ''}
          onChange={(event) => setQuery({ verdict: event.currentTarget.value, cursor: undefined })}
        >
          <option value="">all</option>
          {Object.entries(VERDICTS).map(([value, { text }]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        Bin
        <input
          type="search"
          class="short"
          placeholder="webhook, or any other"
          maxLength={64}
          value={bin ?? ''}
          onChange={(event) => setQuery({ bin: event.currentTarget.value.trim(), cursor: undefined })}
        />
      </label>
    </form>
  );
}
