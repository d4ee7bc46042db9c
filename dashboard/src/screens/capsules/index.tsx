/** Every capsule: what it does, how it boots, where its replica-seconds went, and what should not have run. */
import { capsuleShown } from '../../../../src/domain/status';
import { onCapsule, useQuery } from '../../api/query';
import type { Agent, Capsule, CostReport, Page } from '../../api/types';
import { Badge } from '../../parts/badge';
import { Bar, Legend } from '../../parts/bar';
import { CapsuleActions } from '../../parts/capsule-actions';
import { useCursor } from '../../parts/cursor';
import { Fact } from '../../parts/fact';
import { QueryView } from '../../parts/query-view';
import { SPLIT_LEGEND, splitParts } from '../../parts/split';
import { duration, Time } from '../../parts/time';
import { go } from '../../router';
import { ReplicasSeen } from './drift';

export const capsuleHref = (id: string): string => `/app/capsules/${encodeURIComponent(id)}`;
const MINUTE_MS = 60_000;

export function CapsulesScreen() {
  const capsules = useQuery<Page<Capsule>>('/capsules', { when: onCapsule, everyMs: 5_000 });
  const agents = useQuery<Page<Agent>>('/agents', { everyMs: MINUTE_MS });
  const costs = useQuery<CostReport>('/costs?by=agent', { everyMs: MINUTE_MS });
  const at = useCursor(capsules.data?.items.length ?? 0, 'capsules', (place) => ({
    Enter: () => {
      const one = capsules.data?.items[place];
      if (one) go(capsuleHref(one.id));
    },
  }));
  return (
    <>
      <h1>Capsules</h1>
      <QueryView
        query={capsules}
        isEmpty={({ items }) => items.length === 0}
        empty="None yet: no agent was woken."
      >
        {({ items }) => (
          <>
            <ul class="cards">
              {items.map((capsule, i) => (
                <Card
                  key={capsule.id}
                  capsule={capsule}
                  reload={capsules.reload}
                  isAt={i === at}
                  agent={agents.data?.items.find(({ id }) => id === capsule.agentId)}
                  cost={costs.data?.items.find(({ key }) => key === capsule.agentId)}
                />
              ))}
            </ul>
            <Legend parts={SPLIT_LEGEND} />
          </>
        )}
      </QueryView>
      <section aria-labelledby="strays">
        <h2 id="strays">Drift: replicas that ran without a reason, in 30 days</h2>
        <QueryView
          query={costs}
          isEmpty={({ strays }) => strays.length === 0}
          empty="None: whenever the platform was looked at, it ran what it should."
        >
          {({ strays }) => <Strays strays={strays} />}
        </QueryView>
      </section>
    </>
  );
}

interface CardProps {
  isAt: boolean;
  capsule: Capsule;
  reload: () => void;
  agent: Agent | undefined;
  cost: CostReport['items'][number] | undefined;
}

function Card({ isAt, capsule, reload, agent, cost }: CardProps) {
  const { id, agentId, status, since, generation, boot, reasonsAwake, lastError, failedWakes } = capsule;
  const { replicas } = capsule;
  return (
    <li class={`card ${isAt ? 'at' : ''}`} data-capsule={id}>
      <div class="row">
        <h2 class="flat">
          <a href={capsuleHref(id)}>{agent?.name ?? agentId}</a>
        </h2>
        <Badge shown={capsuleShown(status)} />
      </div>
      <dl class="facts">
        <Fact name="Capsule">{id}</Fact>
        <Fact name="Since">
          <Time at={since} />
        </Fact>
        <Fact name="Shifts">{generation.toLocaleString()}</Fact>
        <Fact name="Boots in" title={`Learned from ${boot.samples} boots`}>
          {duration(boot.medianMs)}, p95 {duration(boot.p95Ms)}
        </Fact>
        <Fact name="Replicas">
          <ReplicasSeen replicas={replicas} />
        </Fact>
        {reasonsAwake.length > 0 && <Fact name="Awake for">{reasonsAwake.join(', ')}</Fact>}
      </dl>
      {failedWakes > 0 && (
        <p class="bad">
          <span aria-hidden="true">✕ </span>
          {failedWakes} failed {failedWakes === 1 ? 'wake' : 'wakes'}: {lastError}
        </p>
      )}
      {cost && <Spent cost={cost} />}
      <CapsuleActions capsule={capsule} reload={reload} />
    </li>
  );
}

function Spent({ cost: { seconds } }: { cost: CostReport['items'][number] }) {
  const { boot, prewarm, work, linger, drain, billed } = seconds;
  const ms = {
    boot: boot * 1_000,
    prewarm: prewarm * 1_000,
    work: work * 1_000,
    linger: linger * 1_000,
    drain: drain * 1_000,
  };
  return (
    <div class="labelled">
      <span class="dim">{duration(billed * 1_000)} billed in 30 days</span>
      <Bar name="Replica-seconds" parts={splitParts(ms)} />
    </div>
  );
}

const Strays = ({ strays }: { strays: CostReport['strays'] }) => (
  <ul class="cards">
    {strays.map(({ capsuleId, agentId, replicas, since, foundAt, endedAt, seconds, capsuleUsd }) => (
      <li key={`${capsuleId} ${foundAt}`} class={`card ${endedAt === null ? 'tone-bad' : ''}`}>
        <strong>{agentId}</strong> ran {replicas} {replicas === 1 ? 'replica' : 'replicas'}, found{' '}
        <Time at={foundAt} />, last seen at zero <Time at={since} />
        {endedAt === null ? (
          <strong class="bad"> · still runs</strong>
        ) : (
          <>
            {' '}
            · gone <Time at={endedAt} />
          </>
        )}
        <span class="dim">
          {' '}
          · at most {duration(seconds * 1_000)}
          {capsuleUsd !== null && `, $${capsuleUsd}`}
        </span>
      </li>
    ))}
  </ul>
);
