/** Every workflow: when it runs next, how it went lately, run it now, pause it. */
import { onRun, useQuery } from '../../api/query';
import type { Page, RunSummary, Switch, Workflow } from '../../api/types';
import { QueryView } from '../../parts/query-view';
import { useCursor } from '../../parts/cursor';
import { Badge } from '../../parts/badge';
import { counted, fullTime, Time } from '../../parts/time';
import { go, runHref } from '../../router';
import { runShown } from '../../../../src/domain/status';
import { WorkflowActions } from './actions';

export const workflowHref = (id: string): string => `/app/workflows/${encodeURIComponent(id)}`;
/** Outcomes on a strip. */
const LAST = 20;

export function WorkflowsScreen() {
  const workflows = useQuery<Page<Workflow>>('/workflows', { everyMs: 60_000 });
  const switches = useQuery<Page<Switch>>('/switches?on=true&limit=200');
  const at = useCursor(workflows.data?.items.length ?? 0, 'workflows', (place) => ({
    Enter: () => {
      const one = workflows.data?.items[place];
      if (one) go(workflowHref(one.id));
    },
  }));
  return (
    <>
      <h1>Workflows</h1>
      {switches.problem && <QueryView query={switches}>{() => null}</QueryView>}
      <QueryView
        query={workflows}
        isEmpty={({ items }) => items.length === 0}
        empty="The registry has no workflow yet: add one in src/registry."
      >
        {({ items }) => (
          <ul class="cards">
            {items.map((workflow, i) => (
              <Card
                key={workflow.id}
                workflow={workflow}
                isAt={i === at}
                paused={pausedBy(switches.data?.items ?? [], workflow.id)}
                reload={switches.reload}
              />
            ))}
          </ul>
        )}
      </QueryView>
    </>
  );
}

/** The switch of the workflow itself: others hold it too, and are released elsewhere. */
export const pausedBy = (switches: readonly Switch[], id: string): Switch | undefined =>
  switches.find(
    ({ scope, subject, status }) => scope === 'workflow' && subject === id && status !== 'released',
  );

interface CardProps {
  isAt: boolean;
  workflow: Workflow;
  paused: Switch | undefined;
  reload: () => void;
}

function Card({ isAt, workflow, paused, reload }: CardProps) {
  const { id, name, description, steps } = workflow;
  return (
    <li class={`card ${isAt ? 'at' : ''} ${paused ? 'tone-held' : ''}`} data-workflow={id}>
      <div class="row">
        <h2 class="flat">
          <a href={workflowHref(id)}>{name}</a>
        </h2>
        <WorkflowActions id={id} name={name} paused={paused} reload={reload} />
      </div>
      {description !== null && <p>{description}</p>}
      {paused && <PausedNote paused={paused} />}
      <ScheduleLine workflow={workflow} />
      <p class="dim">
        {counted(steps.length, 'step')}: {steps.map((step) => step.id).join(', ')}
      </p>
      <Outcomes id={id} />
    </li>
  );
}

export const PausedNote = ({ paused: { message, owner, createdAt, expiresAt } }: { paused: Switch }) => (
  <p class="why">
    <span aria-hidden="true">◔ </span>Paused by {owner} <Time at={createdAt} />: {message}
    {expiresAt !== null && (
      <>
        {' '}
        · until <Time at={expiresAt} />
      </>
    )}
  </p>
);

export function ScheduleLine({ workflow: { schedule } }: { workflow: Workflow }) {
  if (!schedule) return <p class="dim">No schedule: started by hand, a webhook or an event.</p>;
  const [next] = schedule.next;
  return (
    <p>
      {schedule.words}
      {next === undefined ? (
        ' · switched off in the registry'
      ) : (
        <>
          {' '}
          · next <Time at={next} zone={schedule.timezone} />
          <span class="dim"> ({fullTime(next)})</span>
        </>
      )}
    </p>
  );
}

/** The last runs, oldest first, a square each. */
export function Outcomes({ id }: { id: string }) {
  const runs = useQuery<Page<RunSummary>>(`/runs?workflowId=${encodeURIComponent(id)}&limit=${LAST}`, {
    when: (event) => onRun(event) && event.type === 'run' && event.data.workflowId === id,
    everyMs: 60_000,
  });
  return (
    <QueryView query={runs} isEmpty={({ items }) => items.length === 0} empty="It never ran.">
      {({ items }) => (
        <div class="outcomes">
          <ol aria-label="The last runs, oldest first">
            {[...items].reverse().map((run) => (
              <li key={run.id}>
                <a
                  href={runHref(run.id)}
                  class={`outcome tone-${runShown(run).tone}`}
                  title={`${runShown(run).text} ${fullTime(run.createdAt)}`}
                  aria-label={`Run ${run.id.slice(0, 8)}, ${runShown(run).text}`}
                >
                  {runShown(run).sign}
                </a>
              </li>
            ))}
          </ol>
          {items[0] && (
            <span class="row start">
              <span class="dim">last</span> <Badge shown={runShown(items[0])} />
            </span>
          )}
        </div>
      )}
    </QueryView>
  );
}
