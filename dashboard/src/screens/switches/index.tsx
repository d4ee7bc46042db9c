/** What is turned off and why, turning something off, and the stop of everything. */
import { withQuery } from '../../api/client';
import { onRun, useQuery } from '../../api/query';
import type { AuditEntry, Page, Switch } from '../../api/types';
import { ActionButton } from '../../parts/actions';
import { Badge } from '../../parts/badge';
import { Pager } from '../../parts/pager';
import { QueryView } from '../../parts/query-view';
import { Time } from '../../parts/time';
import { usePlace } from '../../router';
import { may } from '../../session';
import { releaseSwitch } from '../../parts/switches';
import type { Shown } from '../../../../src/domain/status';
import { EmergencyStopForm, stopHref } from './emergency';
import { SwitchForm } from './form';

const SOON_MS = 5_000;
const STOPS = '/audit?entity=emergency-stop&action=emergency-stop.begun&limit=5';

const STATES: Record<Switch['status'], Shown> = {
  closing: { text: 'takes effect', tone: 'busy', sign: '●' },
  on: { text: 'off', tone: 'bad', sign: '✕' },
  released: { text: 'on again', tone: 'good', sign: '✓' },
};

export function SwitchesScreen() {
  const { query } = usePlace();
  const on = useQuery<Page<Switch>>('/switches?on=true&limit=200', { when: onRun, everyMs: SOON_MS });
  const over = useQuery<Page<Switch>>(
    withQuery('/switches', { on: 'false', limit: '20', cursor: query.cursor }),
  );
  const reload = (): void => {
    on.reload();
    over.reload();
  };
  return (
    <>
      <h1>Switches</h1>
      <section aria-labelledby="off">
        <h2 id="off">Turned off</h2>
        <QueryView query={on} isEmpty={({ items }) => items.length === 0} empty="Everything is on.">
          {({ items }) => <List items={items} reload={reload} />}
        </QueryView>
      </section>
      {may('operator') && (
        <div class="columns">
          <SwitchForm reload={reload} />
          <EmergencyStopForm />
        </div>
      )}
      <Stops />
      <section aria-labelledby="before">
        <h2 id="before">Released</h2>
        <QueryView query={over} isEmpty={({ items }) => items.length === 0} empty="None yet.">
          {({ items, nextCursor }) => (
            <>
              <List items={items} reload={reload} />
              <Pager cursor={query.cursor} next={nextCursor} />
            </>
          )}
        </QueryView>
      </section>
    </>
  );
}

const List = ({ items, reload }: { items: readonly Switch[]; reload: () => void }) => (
  <ul class="cards">
    {items.map((one) => (
      <SwitchCard key={one.id} one={one} reload={reload} />
    ))}
  </ul>
);

function SwitchCard({ one, reload }: { one: Switch; reload: () => void }) {
  const { scope, subject, message, owner, status, createdAt, expiresAt, releasedAt, releasedBy } = one;
  const release = async (): Promise<void> => {
    await releaseSwitch(one.id);
    reload();
  };
  return (
    <li class={`card ${status === 'released' ? '' : 'tone-bad'}`} data-switch={one.id}>
      <div class="row">
        <span class="row start">
          <Badge shown={STATES[status]} />
          <strong>{subject === null ? 'Everything' : `${scope} ${subject}`}</strong>
        </span>
        {status !== 'released' && may('operator') && (
          <ActionButton label="Turn on again" done="It is on again." action={release} />
        )}
      </div>
      <p class="text">{message}</p>
      <p class="dim">
        by {owner} <Time at={createdAt} />
        {status !== 'released' && expiresAt !== null && (
          <>
            {' '}
            · on again by itself <Time at={expiresAt} />
          </>
        )}
        {status !== 'released' && expiresAt === null && ' · until somebody turns it on'}
        {releasedAt !== null && (
          <>
            {' '}
            · on again <Time at={releasedAt} /> by {releasedBy}
          </>
        )}
      </p>
    </li>
  );
}

/** The ledger is the list of them. */
function Stops() {
  const stops = useQuery<Page<AuditEntry>>(STOPS);
  return (
    <section aria-labelledby="stops">
      <h2 id="stops">Emergency stops</h2>
      <QueryView query={stops} isEmpty={({ items }) => items.length === 0} empty="There was none.">
        {({ items }) => (
          <ul class="plain">
            {items.map(({ seq, id, at, actor, reason }) => (
              <li key={seq}>
                <a href={stopHref(id)}>
                  <Time at={at} />
                </a>{' '}
                by {actor}
                {reason !== null && `: ${reason}`}
              </li>
            ))}
          </ul>
        )}
      </QueryView>
    </section>
  );
}
