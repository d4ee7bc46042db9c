/** What goes on at this moment, and what needs somebody: trouble first. */
import { onAlert, onRun, useQuery } from '../../api/query';
import { post } from '../../api/client';
import type { Alert, Approval, Page, RunSummary, Workflow } from '../../api/types';
import { ActionButton } from '../../parts/actions';
import { QueryView } from '../../parts/query-view';
import { decide } from '../../parts/runs-actions';
import { Time } from '../../parts/time';
import { runHref } from '../../router';
import { may } from '../../session';
import { Capsules } from './capsules';
import { RunsInProgress } from './in-progress';
import { NextTicks } from './next-ticks';

export function NowScreen() {
  const running = useQuery<Page<RunSummary>>('/runs?status=running&limit=100', { when: onRun });
  const queued = useQuery<Page<RunSummary>>('/runs?status=queued&limit=100', { when: onRun });
  const alerts = useQuery<Page<Alert>>('/alerts?open=true', { when: onAlert });
  const approvals = useQuery<Page<Approval>>('/approvals', { when: onRun });
  const workflows = useQuery<Page<Workflow>>('/workflows', { everyMs: 60_000 });
  return (
    <>
      <h1>Now</h1>
      <section aria-labelledby="alerts">
        <h2 id="alerts">Alerts</h2>
        <QueryView query={alerts} isEmpty={({ items }) => items.length === 0} empty="Nothing is wrong.">
          {({ items }) => (
            <ul class="cards">
              {items.map((alert) => (
                <AlertCard key={alert.id} alert={alert} reload={alerts.reload} />
              ))}
            </ul>
          )}
        </QueryView>
      </section>
      <section aria-labelledby="approvals">
        <h2 id="approvals">Approvals waiting</h2>
        <QueryView query={approvals} isEmpty={({ items }) => items.length === 0} empty="Nobody is asked.">
          {({ items }) => (
            <ul class="cards">
              {items.map((approval) => (
                <ApprovalCard
                  key={`${approval.runId} ${approval.stepId}`}
                  approval={approval}
                  reload={approvals.reload}
                />
              ))}
            </ul>
          )}
        </QueryView>
      </section>
      <Capsules running={running.data?.items ?? []} />
      <RunsInProgress running={running} queued={queued} />
      <section aria-labelledby="ticks">
        <h2 id="ticks">The next 24 hours</h2>
        <QueryView query={workflows}>{({ items }) => <NextTicks workflows={items} />}</QueryView>
      </section>
    </>
  );
}

function AlertCard({ alert, reload }: { alert: Alert; reload: () => void }) {
  const { acknowledge } = alert.links;
  const say = async (): Promise<void> => {
    await post(`/alerts/${encodeURIComponent(alert.id)}/acknowledge`);
    reload();
  };
  return (
    <li class="card tone-bad">
      <p>
        <span aria-hidden="true">⚠ </span>
        <strong>{alert.kind}</strong> {alert.message}
      </p>
      <p class="row dim">
        <span>
          {alert.subject} · since <Time at={alert.raisedAt} />
          {alert.acknowledgedBy !== null && ` · seen by ${alert.acknowledgedBy}`}
        </span>
        {acknowledge !== null && may('operator') && (
          <ActionButton label="Acknowledge" done="Noted that you have seen it." action={say} />
        )}
      </p>
    </li>
  );
}

function ApprovalCard({ approval, reload }: { approval: Approval; reload: () => void }) {
  const { runId, stepId, title, since } = approval;
  const say = async (approve: boolean): Promise<void> => {
    await decide(runId, stepId, approve);
    reload();
  };
  return (
    <li class="card tone-held">
      <p>
        <strong>{title}</strong>
      </p>
      <p class="row dim">
        <span>
          step {stepId} of <a href={runHref(runId)}>run {runId.slice(0, 8)}</a> · since <Time at={since} /> ·{' '}
          <a href="/app/inbox">the whole memo</a>
        </span>
        {may('approver') && (
          <span class="buttons">
            <ActionButton kind="main" label="Approve" done="Approved." action={() => say(true)} />
            <ActionButton kind="danger" label="Reject" done="Rejected." action={() => say(false)} />
          </span>
        )}
      </p>
    </li>
  );
}
