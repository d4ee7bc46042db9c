/** Releases: which one works where, what is under way, and every one that is on record, with what it was made after. */
import { useState } from 'preact/hooks';
import { post, withQuery } from '../../api/client';
import { onRollout, useQuery } from '../../api/query';
import type { Environment, Environments, Page, Release, Rollout } from '../../api/types';
import { act } from '../../parts/actions';
import { Badge } from '../../parts/badge';
import { useCursor } from '../../parts/cursor';
import { Dialog } from '../../parts/dialog';
import { Fact } from '../../parts/fact';
import { MessageField } from '../../parts/message-field';
import { Pager } from '../../parts/pager';
import { QueryView } from '../../parts/query-view';
import { duration, Time } from '../../parts/time';
import { go, setQuery, usePlace } from '../../router';
import { may } from '../../session';
import { Places, ReleaseLink, releaseHref, rolloutHref, rolloutShown, short } from './shared';

const LAST = 10;
const PAGE = 50;

export function ReleasesScreen() {
  const environments = useQuery<Environments>('/environments', { when: onRollout, everyMs: 5_000 });
  return (
    <>
      <h1>Releases</h1>
      <section aria-labelledby="where">
        <h2 id="where">What works where</h2>
        <QueryView
          query={environments}
          isEmpty={({ items }) => items.length === 0}
          empty="No release works yet: agents run as they are deployed."
        >
          {({ items }) => (
            <ul class="cards">
              {items.map((env) => (
                <EnvironmentCard key={`${env.agentId}/${env.name}`} env={env} reload={environments.reload} />
              ))}
            </ul>
          )}
        </QueryView>
      </section>
      <Rollouts />
      <Recorded environments={environments.data?.items ?? []} />
    </>
  );
}

function EnvironmentCard({ env, reload }: { env: Environment; reload: () => void }) {
  const { agentId, name, stable, previous, candidate, weight, updatedAt } = env;
  const [open, setOpen] = useState(false);
  const canGoBack = candidate !== null || previous !== null;
  return (
    <li class="card" data-environment={`${agentId}/${name}`}>
      <div class="row">
        <h3 class="flat">
          {agentId} in {name}
        </h3>
        {canGoBack && may('operator') && (
          <button
            type="button"
            class="danger"
            aria-label={`Roll back… ${agentId} in ${name}`}
            onClick={() => setOpen(true)}
          >
            Roll back…
          </button>
        )}
      </div>
      <dl class="facts">
        <Fact name="Stable">
          <ReleaseLink id={stable} />
        </Fact>
        {candidate !== null && (
          <Fact name="Candidate">
            <ReleaseLink id={candidate} />, {weight} % of the work
          </Fact>
        )}
        <Fact name="Before" title="What a rollback goes to">
          <ReleaseLink id={previous} />
        </Fact>
        <Fact name="Since">
          <Time at={updatedAt} />
        </Fact>
      </dl>
      <Rules policy={env.policy} />
      {open && <RollbackDialog env={env} close={() => setOpen(false)} reload={reload} />}
    </li>
  );
}

function Rules({ policy }: { policy: Environment['policy'] }) {
  const { promoteFrom, approvals, demands, allow, stickyBy, keepPreviousWarmMs, permissions } = policy;
  const rules = [
    promoteFrom !== null && `only what is stable in ${promoteFrom}`,
    approvals > 0 && (approvals === 1 ? 'one approval' : `${approvals} approvals`),
    demands.length > 0 && `validated: ${demands.join(', ')}`,
    stickyBy !== null && `work sticks by ${stickyBy}`,
    allow.length > 0 && `${allow.length} always with the candidate`,
    permissions && `may ask for ${permissions.join(', ') || 'nothing'}`,
    keepPreviousWarmMs > 0 && `the one before awake for ${duration(keepPreviousWarmMs)}`,
  ].filter((rule) => rule !== false && rule !== null);
  return rules.length === 0 ? null : <p class="dim">Rules: {rules.join(' · ')}</p>;
}

function RollbackDialog({ env, close, reload }: { env: Environment; close: () => void; reload: () => void }) {
  const { agentId, name, candidate, stable, previous } = env;
  const [reason, setReason] = useState('');
  const to = candidate === null ? previous : stable;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const said = reason.trim();
    const body = { environment: name, ...(said !== '' && { reason: said }) };
    const path = `/agents/${encodeURIComponent(agentId)}/rollback`;
    const done = await act('It is back.', () => post<{ releaseId: string }>(path, body));
    if (!done) return;
    close();
    reload();
  };
  return (
    <Dialog title={`Roll back ${agentId} in ${name}?`} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <p class="hint">
          New work goes to {to === null ? 'the release before' : short(to)} at once; what is in hand ends
          where it is. A rollout under way is aborted.
        </p>
        <MessageField label="Why, for the ledger" value={reason} onChange={setReason} optional />
        <button class="danger">Roll back</button>
      </form>
    </Dialog>
  );
}

function Rollouts() {
  const rollouts = useQuery<Page<Rollout>>(`/rollouts?limit=${LAST}`, { when: onRollout, everyMs: 5_000 });
  return (
    <section aria-labelledby="rollouts">
      <h2 id="rollouts">Rollouts</h2>
      <QueryView query={rollouts} isEmpty={({ items }) => items.length === 0} empty="There was none yet.">
        {({ items }) => (
          <ul class="cards">
            {items.map((rollout) => (
              <RolloutCard key={rollout.id} rollout={rollout} />
            ))}
          </ul>
        )}
      </QueryView>
    </section>
  );
}

function RolloutCard({ rollout }: { rollout: Rollout }) {
  const { id, agentId, environment, candidate, strategy, stage, createdAt, abortedFor } = rollout;
  const at = rolloutShown(rollout);
  return (
    <li class={`card ${at.tone === 'held' ? 'tone-held' : ''}`} data-rollout={id}>
      <div class="row">
        <span>
          <a href={rolloutHref(id)}>
            {strategy} of {agentId} in {environment}
          </a>{' '}
          <Badge shown={at} />
        </span>
        <Time at={createdAt} />
      </div>
      <p class="dim">
        release <ReleaseLink id={candidate} />
        {rollout.finishedAt === null && stage !== null && ` · at ${stage}`}
        {abortedFor !== null && ` · ${abortedFor}`}
      </p>
    </li>
  );
}

/** Newest first; each with what it was made after. */
function Recorded({ environments }: { environments: readonly Environment[] }) {
  const { query } = usePlace();
  const path = withQuery('/releases', { agentId: query.agent, cursor: query.cursor, limit: String(PAGE) });
  const releases = useQuery<Page<Release>>(path, { when: onRollout, everyMs: 30_000 });
  const items = releases.data?.items ?? [];
  const at = useCursor(items.length, path, (place) => ({
    Enter: () => {
      const one = items[place];
      if (one) go(releaseHref(one.id));
    },
  }));
  return (
    <section aria-labelledby="recorded">
      <h2 id="recorded">On record</h2>
      {query.agent !== undefined && (
        <p>
          Of {query.agent} alone.{' '}
          <button
            type="button"
            class="small"
            onClick={() => setQuery({ agent: undefined, cursor: undefined })}
          >
            Show all
          </button>
        </p>
      )}
      <QueryView
        query={releases}
        isEmpty={(page) => page.items.length === 0}
        empty={
          <>
            None yet. Make one: <code>reveille release create &lt;agent&gt; --folder &lt;path&gt;</code>
          </>
        }
      >
        {(page) => (
          <>
            <ul class="cards">
              {page.items.map((release, i) => (
                <ReleaseCard
                  key={release.id}
                  release={release}
                  isAt={i === at}
                  environments={environments.filter((env) => env.agentId === release.agentId)}
                />
              ))}
            </ul>
            <Pager cursor={query.cursor} next={page.nextCursor} />
          </>
        )}
      </QueryView>
    </section>
  );
}

interface CardProps {
  release: Release;
  isAt: boolean;
  environments: readonly Environment[];
}

function ReleaseCard({ release, isAt, environments }: CardProps) {
  const { id, agentId, parent, createdAt, createdBy } = release;
  return (
    <li class={`card ${isAt ? 'at' : ''}`} data-release={id}>
      <div class="row">
        <span>
          <ReleaseLink id={id} /> <a href={`/app/releases?agent=${encodeURIComponent(agentId)}`}>{agentId}</a>{' '}
          <Places id={id} environments={environments} />
        </span>
        <Time at={createdAt} />
      </div>
      <p class="dim">
        {parent === null ? (
          'the first of its line'
        ) : (
          <>
            after <ReleaseLink id={parent} />
          </>
        )}{' '}
        · by {createdBy}
      </p>
    </li>
  );
}
