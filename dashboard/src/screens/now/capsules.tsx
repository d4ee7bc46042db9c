/** Agents asleep and awake: one tile each. */
import { useEffect, useState } from 'preact/hooks';
import { capsuleShown } from '../../../../src/domain/status';
import { onCapsule, onRun, useQuery } from '../../api/query';
import type { Agent, Capsule, Environments, Page, RunSummary } from '../../api/types';
import { Badge } from '../../parts/badge';
import { SleepNow } from '../../parts/capsule-actions';
import { QueryView } from '../../parts/query-view';
import { duration, msBetween, usd } from '../../parts/time';
import { runHref } from '../../router';
import { may } from '../../session';
import { isDrifting } from '../capsules/drift';

/** A capsule between its last work and its sleep has no reason for a moment; longer is wrong. */
const WITHOUT_REASON_MS = 30_000;
const MS_PER_HOUR = 3_600_000;

export function Capsules({ running }: { running: readonly RunSummary[] }) {
  const capsules = useQuery<Page<Capsule>>('/capsules', {
    when: (event) => onCapsule(event) || onRun(event),
    everyMs: 5_000,
  });
  const agents = useQuery<Page<Agent>>('/agents', { everyMs: 60_000 });
  const environments = useQuery<Environments>('/environments', { everyMs: 60_000 }).data;
  useEverySecond();
  return (
    <section aria-labelledby="capsules">
      <h2 id="capsules">Agents</h2>
      <QueryView
        query={capsules}
        isEmpty={({ items }) => items.length === 0}
        empty="There are no agents yet."
      >
        {({ items }) => (
          <>
            {items.filter(isAwakeForNothing).map((capsule) => (
              <AwakeForNothing key={capsule.id} capsule={capsule} reload={capsules.reload} />
            ))}
            <ul class="tiles">
              {items.map((capsule) => (
                <Tile
                  key={capsule.id}
                  capsule={capsule}
                  agent={agents.data?.items.find(({ id }) => id === capsule.agentId)}
                  running={running}
                  release={releaseOf(capsule, environments)}
                />
              ))}
            </ul>
          </>
        )}
      </QueryView>
    </section>
  );
}

/** Nothing keeps it awake, or the platform runs replicas of it that nobody wants. */
function isAwakeForNothing({ status, reasonsAwake, activity, since, replicas }: Capsule): boolean {
  if (replicas.desired === 0) return isDrifting(replicas, WITHOUT_REASON_MS);
  const idleFor = msBetween(activity.idleSince ?? since, null) ?? 0;
  return status === 'awake' && reasonsAwake.length === 0 && idleFor > WITHOUT_REASON_MS;
}

const AwakeForNothing = ({ capsule, reload }: { capsule: Capsule; reload: () => void }) => (
  <div class="banner tone-bad row" role="alert">
    <span>
      <span aria-hidden="true">✕ </span>
      {capsule.agentId} is awake without a reason, and is billed. The sweeper should have put it to sleep;
      look whether the platform answers: {capsule.lastError ?? 'it reported no error'}.
    </span>
    {may('operator') && <SleepNow id={capsule.id} agentId={capsule.agentId} reload={reload} />}
  </div>
);

/** What works there now; where no release is on record, what its agent said of itself when it booted last. */
function releaseOf({ agentId, boot }: Capsule, environments: Environments | undefined): string | undefined {
  const here = environments?.items.find((e) => e.agentId === agentId && e.name === environments.current);
  return here?.stable ?? boot.byRelease[0]?.release;
}

interface TileProps {
  capsule: Capsule;
  agent: Agent | undefined;
  running: readonly RunSummary[];
  release: string | undefined;
}

function Tile({ capsule, agent, running, release }: TileProps) {
  const { agentId, status, shift, activity, reasonsAwake, lastError, failedWakes } = capsule;
  const price = agent?.pricePerReplicaHourUsd ?? null;
  const awakeMs =
    status === 'asleep' ? null : msBetween(shift?.acceptedAt ?? shift?.requestedAt ?? null, null);
  const atWork = running.filter(({ steps }) =>
    steps.some((step) => step.agentId === agentId && ['dispatching', 'running'].includes(step.status)),
  );
  return (
    <li class={`tile capsule-${status}`} data-agent={agentId}>
      <p class="row">
        <strong>{agent?.name ?? agentId}</strong>
        <Badge shown={capsuleShown(status)} />
      </p>
      {release !== undefined && (
        <p class="dim">
          release <code title={release}>{release.slice(0, 12)}</code>
        </p>
      )}
      {awakeMs !== null && (
        <p>
          {duration(awakeMs)}
          {price !== null && ` · ${usd((awakeMs / MS_PER_HOUR) * price)} so far`}
        </p>
      )}
      {atWork.map(({ id, workflowId }) => (
        <p key={id}>
          for <a href={runHref(id)}>{workflowId}</a>
        </p>
      ))}
      {activity.waiting > 0 && <p>{activity.waiting} waiting</p>}
      {atWork.length === 0 && reasonsAwake[0] !== undefined && <p class="dim">{reasonsAwake[0]}</p>}
      {failedWakes > 0 && (
        <p class="bad">
          <span aria-hidden="true">✕ </span>
          {failedWakes} failed {failedWakes === 1 ? 'wake' : 'wakes'}: {lastError}
        </p>
      )}
    </li>
  );
}

function useEverySecond(): void {
  const [, set] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => set((n) => n + 1), 1_000);
    return () => window.clearInterval(timer);
  }, []);
}
