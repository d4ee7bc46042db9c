/** One delivery: what is wrong with it, what was answered, its headers and its body; and once more. */
import { post } from '../../api/client';
import { useQuery } from '../../api/query';
import type { Delivery } from '../../api/types';
import { ActionButton } from '../../parts/actions';
import { Badge } from '../../parts/badge';
import { Fact } from '../../parts/fact';
import { QueryView } from '../../parts/query-view';
import { Time } from '../../parts/time';
import { Pre, ValueView } from '../../parts/value';
import { runHref } from '../../router';
import { may } from '../../session';
import { differenceText, VERDICTS } from './deliveries';

const HOUR_MS = 3_600_000;

export function DeliveryScreen({ id }: { id: string }) {
  // It never changes.
  const query = useQuery<Delivery>(`/inbox/${encodeURIComponent(id)}`, { everyMs: HOUR_MS });
  return (
    <>
      <p class="crumbs">
        <a href="/app/inbox?show=deliveries">Webhook deliveries</a>
      </p>
      {query.data === undefined && <h1>Delivery {id.slice(0, 8)}</h1>}
      <QueryView query={query}>{(delivery) => <Shown delivery={delivery} />}</QueryView>
    </>
  );
}

function Shown({ delivery }: { delivery: Delivery }) {
  const { method, path, verdict, signature, shape, answer, runId } = delivery;
  const { bodyBytes, bodyState, bodyEncoding, body, headers } = delivery;
  return (
    <>
      <h1>
        {method} {path} <Badge shown={VERDICTS[verdict]} />
      </h1>
      <dl class="facts">
        <Fact name="Came">
          <Time at={delivery.receivedAt} />
        </Fact>
        <Fact name="Bin">{delivery.bin}</Fact>
        <Fact name="Signature">{signature.reason ?? signature.kind}</Fact>
        <Fact name="Shape">{shape.reason ?? shape.kind}</Fact>
        <Fact name="Answered">
          {answer.status} {answer.text}
        </Fact>
        {runId !== null && (
          <Fact name="Run">
            <a href={runHref(runId)}>{runId.slice(0, 8)}</a> {delivery.stepId}
          </Fact>
        )}
      </dl>
      {delivery.replayable && may('operator') && <Replay id={delivery.id} />}
      {!delivery.replayable && (
        <p class="hint">It cannot be replayed here: only a whole result that came with a valid token can.</p>
      )}
      {shape.differences.length > 0 && (
        <section aria-labelledby="differences">
          <h2 id="differences">What differs from a result</h2>
          <ul>
            {shape.differences.map((difference) => (
              <li key={difference.field}>{differenceText(difference)}</li>
            ))}
            {shape.more > 0 && <li>and {shape.more} more</li>}
          </ul>
        </section>
      )}
      <h2>Body</h2>
      <p class="dim">
        {bodyBytes.toLocaleString()} bytes, {bodyState}
        {bodyEncoding === 'base64' && ', shown as base64'}
      </p>
      <Body text={body} />
      <h2>Headers</h2>
      <ValueView value={headers} name="The headers" />
    </>
  );
}

function Body({ text }: { text: string }) {
  const value = parsed(text);
  if (text === '') return <p class="empty">It has none.</p>;
  return value === undefined ? (
    <Pre text={text} name="The body" />
  ) : (
    <ValueView value={value} name="The body" />
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON: shown as it came
  }
}

const OUTCOMES: Record<string, string> = {
  settled: 'Applied: it counts.',
  duplicate: 'It was known already: nothing changed.',
  late: 'The attempt was over: recorded, nothing changed.',
};

const Replay = ({ id }: { id: string }) => (
  <p>
    <ActionButton
      label="Replay"
      done={({ status }: { status: string }) => OUTCOMES[status] ?? status}
      action={() => post<{ status: string }>(`/inbox/${encodeURIComponent(id)}/replay`)}
    />
  </p>
);
