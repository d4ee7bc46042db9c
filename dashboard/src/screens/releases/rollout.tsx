/** One rollout, live: its stages and their verdicts, the figures of its canary, and what a person can do. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { onRollout, onRun, useQuery } from '../../api/query';
import type { Rollout } from '../../api/types';
import { Badge } from '../../parts/badge';
import { Dialog } from '../../parts/dialog';
import { Fact } from '../../parts/fact';
import { QueryView } from '../../parts/query-view';
import { Table } from '../../parts/table';
import { duration, msBetween, Time } from '../../parts/time';
import { ValueView } from '../../parts/value';
import { RolloutActions } from './actions';
import { isOver, ReleaseLink, rolloutShown, short, VERDICTS } from './shared';
import type { Shown } from '../../../../src/domain/status';

/** A canary's figures move with the tasks of other processes, too. */
const LIVE_MS = 2_000;

export function RolloutScreen({ id }: { id: string }) {
  const query = useQuery<Rollout>(`/rollouts/${encodeURIComponent(id)}`, {
    when: (event) => onRun(event) || (onRollout(event) && event.type === 'rollout' && event.data.id === id),
    everyMs: LIVE_MS,
  });
  return (
    <>
      <p class="crumbs">
        <a href="/app/releases">Releases</a>
      </p>
      {query.data === undefined && <h1>Rollout {id.slice(0, 8)}</h1>}
      <QueryView query={query}>
        {(rollout) => <RolloutPage rollout={rollout} reload={query.reload} />}
      </QueryView>
    </>
  );
}

/** Why it is not moving. */
const Why = ({ children }: { children: ComponentChildren }) => (
  <p class="why">
    <span aria-hidden="true">◔ </span>
    {children}
  </p>
);

function RolloutPage({ rollout, reload }: { rollout: Rollout; reload: () => void }) {
  const { agentId, environment, strategy, memo, waitsFor, abortedFor, report } = rollout;
  return (
    <>
      <h1 class="row start">
        {strategy} of {agentId} in {environment} <Badge shown={rolloutShown(rollout)} />
      </h1>
      {memo !== null && <Why>{memo}</Why>}
      {waitsFor !== null && <Why>waits for {waitsFor}</Why>}
      {abortedFor !== null && (
        <div class="problem">
          <strong>
            <span aria-hidden="true">✕ </span>Taken back
          </strong>
          <p class="text">{abortedFor}</p>
        </div>
      )}
      <Facts rollout={rollout} />
      <RolloutActions rollout={rollout} reload={reload} />
      <Stages rollout={rollout} />
      {report && report.metrics.length > 0 && <Figures report={report} />}
    </>
  );
}

const Facts = ({ rollout: { id, candidate, incumbent, createdAt, finishedAt } }: { rollout: Rollout }) => (
  <dl class="facts">
    <Fact name="Candidate">
      <ReleaseLink id={candidate} />
    </Fact>
    <Fact name="Against">
      <ReleaseLink id={incumbent} />
    </Fact>
    <Fact name="Begun">
      <Time at={createdAt} />
    </Fact>
    <Fact name={finishedAt === null ? 'So far' : 'Took'}>{duration(msBetween(createdAt, finishedAt))}</Fact>
    <Fact name="Rollout">
      <code class="hash">{id}</code>
    </Fact>
  </dl>
);

const AHEAD: Shown = { text: 'to come', tone: 'idle', sign: '○' };
const AT: Shown = { text: 'at it', tone: 'busy', sign: '●' };
const WAITS: Shown = { text: 'waits', tone: 'held', sign: '◔' };
const NEVER: Shown = { text: 'not reached', tone: 'off', sign: '–' };

type Verdict = Rollout['verdicts'][number];

function Stages({ rollout }: { rollout: Rollout }) {
  const { stages, stage, verdicts, approvals } = rollout;
  const current = stage === null ? -1 : stages.indexOf(stage);
  const isWaiting = rollout.status === 'paused' || approvals !== null;
  return (
    <section aria-labelledby="stages">
      <h2 id="stages">Stages</h2>
      <ol class="stages">
        {stages.map((name, i) => {
          const mine = verdicts.filter((verdict) => verdict.stage === name);
          const isNow = i === current && !isOver(rollout);
          const last = mine.at(-1);
          const at = isNow
            ? isWaiting
              ? WAITS
              : AT
            : ((last && VERDICTS[last.verdict]) ?? (isOver(rollout) ? NEVER : AHEAD));
          return (
            <li key={name} class={`card ${isNow ? 'at' : ''}`} data-stage={name}>
              <div class="row">
                <strong>{name}</strong>
                <Badge shown={at} />
              </div>
              {mine.map((verdict) => (
                <VerdictView key={verdict.at} verdict={verdict} rolloutId={rollout.id} />
              ))}
              {isNow && approvals && <Approvals approvals={approvals} />}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function VerdictView({ verdict, rolloutId }: { verdict: Verdict; rolloutId: string }) {
  const { reason, evidence, by, at, since } = verdict;
  const [open, setOpen] = useState<string>();
  return (
    <div>
      <p class="text">{reason}</p>
      <p class="dim">
        by {by} <Time at={at} />
        {since !== null && ` · after ${duration(msBetween(since, at))}`}{' '}
        {evidence.map((hash) => (
          <button key={hash} type="button" class="small" onClick={() => setOpen(hash)}>
            Evidence {short(hash)}
          </button>
        ))}
      </p>
      {open !== undefined && <Evidence rolloutId={rolloutId} hash={open} close={() => setOpen(undefined)} />}
    </div>
  );
}

function Evidence({ rolloutId, hash, close }: { rolloutId: string; hash: string; close: () => void }) {
  const path = `/rollouts/${encodeURIComponent(rolloutId)}/evidence/${hash}`;
  const query = useQuery<Record<string, unknown>>(path, { everyMs: 300_000 });
  return (
    <Dialog title="What the verdict rests on" onClose={close}>
      <p class="dim">
        SHA-256 <code class="hash">{hash}</code>
      </p>
      <QueryView query={query}>{(found) => <ValueView value={found} name="The evidence" />}</QueryView>
    </Dialog>
  );
}

const Approvals = ({ approvals }: { approvals: NonNullable<Rollout['approvals']> }) => (
  <>
    <p>
      {approvals.given.length} of {approvals.wanted} {approvals.wanted === 1 ? 'approval' : 'approvals'},
      until <Time at={approvals.expiresAt} />: without them it is a no.
    </p>
    {approvals.given.map(({ by, reason, at }) => (
      <p key={`${by} ${at}`}>
        <strong>{by}</strong> said yes <Time at={at} />
        {reason !== null && <span class="text">: {reason}</span>}
      </p>
    ))}
  </>
);

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Metric, threshold, value, and the tasks that are still needed. */
const Figures = ({ report: { reason, metrics } }: { report: NonNullable<Rollout['report']> }) => (
  <section aria-labelledby="figures">
    <h2 id="figures">How the canary stands</h2>
    <p>{reason}</p>
    <Table
      name="Table of the figures"
      columns={[
        ...['Metric', 'Bad'],
        {
          title: 'Against it',
          about: 'Evidence that it is worse than the rate in brackets; aborted at the threshold',
        },
        {
          title: 'For it',
          about: 'How sure it is to be below the rate in brackets; promoted at the threshold',
        },
        'Tasks still needed',
      ]}
    >
      {metrics.map(({ metric, runs, bad, abort, promote }) => (
        <tr key={metric}>
          <th scope="row">{metric}</th>
          <td>
            {bad} of {runs}
          </td>
          <td>
            E {abort.value > 1_000 ? 'over 1000' : abort.value.toFixed(2)} of {abort.threshold.toFixed(0)}{' '}
            <span class="dim">(above {percent(abort.above)})</span>
          </td>
          <td>
            {percent(promote.value)} of {percent(promote.threshold)}{' '}
            <span class="dim">(below {percent(promote.below)})</span>
          </td>
          <td>
            {promote.runsNeeded === null
              ? 'more than can be told'
              : promote.runsNeeded === 0
                ? 'none'
                : `about ${promote.runsNeeded}`}
          </td>
        </tr>
      ))}
    </Table>
  </section>
);
