/** One workflow: its steps, its schedule for a year, and what was decided at each tick. */
import { useQuery } from '../../api/query';
import type { Page, Switch, Tick, WorkflowDetails } from '../../api/types';
import { Badge } from '../../parts/badge';
import { QueryView } from '../../parts/query-view';
import { Table } from '../../parts/table';
import { duration, Time } from '../../parts/time';
import { ValueView } from '../../parts/value';
import { runHref } from '../../router';
import { WorkflowActions } from './actions';
import { ForecastView } from './forecast';
import { Outcomes, pausedBy, PausedNote, ScheduleLine } from './index';

export function WorkflowScreen({ id }: { id: string }) {
  const query = useQuery<WorkflowDetails>(`/workflows/${encodeURIComponent(id)}`);
  const switches = useQuery<Page<Switch>>('/switches?on=true&limit=200');
  const paused = pausedBy(switches.data?.items ?? [], id);
  return (
    <>
      <p class="crumbs">
        <a href="/app/workflows">Workflows</a>
      </p>
      <div class="row">
        <h1>{query.data?.name ?? id}</h1>
        {query.data && (
          <WorkflowActions id={id} name={query.data.name} paused={paused} reload={switches.reload} />
        )}
      </div>
      {paused && <PausedNote paused={paused} />}
      <QueryView query={query}>{(workflow) => <Details workflow={workflow} />}</QueryView>
    </>
  );
}

function Details({ workflow }: { workflow: WorkflowDetails }) {
  const { id, description, schedule, input, lastTicks } = workflow;
  return (
    <>
      {description !== null && <p>{description}</p>}
      <ScheduleLine workflow={workflow} />
      <h2>The last runs</h2>
      <Outcomes id={id} />
      <p>
        <a href={`/app/runs?workflowId=${encodeURIComponent(id)}`}>All its runs</a>
      </p>
      {schedule && <ForecastView id={id} zone={schedule.timezone} />}
      {schedule && <Ticks ticks={lastTicks} zone={schedule.timezone} />}
      <Steps workflow={workflow} />
      <h2>Input of a run that brings none</h2>
      <ValueView value={input} name="The input" />
    </>
  );
}

const FIRED = { text: 'fired', tone: 'good', sign: '✓' } as const;
const SKIPPED = { text: 'skipped', tone: 'off', sign: '–' } as const;

function Ticks({ ticks, zone }: { ticks: readonly Tick[]; zone: string }) {
  return (
    <section aria-labelledby="decided">
      <h2 id="decided">What was decided at each tick</h2>
      {ticks.length === 0 ? (
        <p class="empty">None came yet.</p>
      ) : (
        <Table name="Ticks" columns={['Due', 'Decision', 'Why', 'Late by', 'Run']}>
          {ticks.map(({ scheduledFor, action, reason, lateMs, runId }) => (
            <tr key={scheduledFor}>
              <td>
                <Time at={scheduledFor} zone={zone} />
              </td>
              <td>
                <Badge shown={action === 'fired' ? FIRED : SKIPPED} />
              </td>
              <td>{reason}</td>
              <td>{duration(lateMs)}</td>
              <td>{runId === null ? '–' : <a href={runHref(runId)}>{runId.slice(0, 8)}</a>}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function Steps({ workflow: { steps } }: { workflow: WorkflowDetails }) {
  return (
    <section aria-labelledby="steps">
      <h2 id="steps">Steps</h2>
      <Table name="Table of the steps" columns={['Step', 'What', 'After', 'Attempts', 'Timeout']}>
        {steps.map(({ id, kind, agentId, workflowId, needs, attempts, timeoutSeconds, phase }) => (
          <tr key={id}>
            <td>
              <strong>{id}</strong>
            </td>
            <td>
              {kind} {agentId ?? workflowId ?? ''} {phase === 'main' ? '' : `(${phase})`}
            </td>
            <td>{needs.join(', ') || '–'}</td>
            <td>{attempts}</td>
            <td>{duration(timeoutSeconds * 1_000)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
