/** Runs as lines for people. */
import { stepShown } from '../../domain/status';
import type { RunSummary, RunView } from '../../http/views/run';
import { counted, printable, type Column } from '../output';
import type { Paint } from '../terminal';

/** How much of an id is shown in a list; enough to name one among the newest. */
export const SHORT_ID = 8;

const when = (time: string): string => new Date(time).toISOString().replace('T', ' ').slice(0, 19);

/** `running · crawl retrying 2/3, write needs approval`: the steps that say where a run stands. */
export function stand({ steps, error }: RunSummary): string {
  if (error) return error.message;
  const open = steps.filter((s) => !['succeeded', 'skipped', 'pending'].includes(s.status));
  return open.length > 0
    ? open.map((s) => `${s.id} ${stepShown(s).text}`).join(', ')
    : `${steps.filter((s) => s.status === 'succeeded').length} of ${counted(steps.length, 'step')} done`;
}

export const columns = (paint: Paint): ReadonlyArray<Column<RunSummary>> => [
  { title: 'created (UTC)', value: (r) => when(r.createdAt), paint: () => paint.dim },
  { title: 'id', value: (r) => r.id.slice(0, SHORT_ID) },
  { title: 'workflow', value: (r) => r.workflowId },
  { title: 'status', value: (r) => r.status, paint: (r) => paint.status(r.status) },
  { title: 'trigger', value: (r) => r.trigger.kind },
  { title: 'what', value: stand, flexible: true },
];

type StepView = RunView['steps'][number];

export const stepColumns = (paint: Paint): ReadonlyArray<Column<StepView>> => [
  { title: 'step', value: (s) => s.id },
  { title: 'status', value: (s) => s.status, paint: (s) => paint.status(s.status) },
  { title: 'attempt', value: (s) => (s.attempt === 0 ? '' : `${s.attempt} of ${s.maxAttempts}`) },
  { title: 'work', value: (s) => (s.workMs === null ? '' : `${(s.workMs / 1_000).toFixed(1)} s`) },
  { title: 'what', value: aboutStep, flexible: true },
];

function aboutStep({ error, reason, children, agentId, kind }: StepView): string {
  if (error) return `${error.kind}: ${error.message}`;
  if (reason !== null) return reason;
  if (children) return `${children.succeeded} of ${children.total} runs done, ${children.failed} failed`;
  return agentId === null ? kind : `agent ${agentId}`;
}

/** What holds for the whole run. */
export function heading(run: RunView, paint: Paint): string[] {
  const { id, workflowId, status, error, why, priority } = run;
  const from = run.finishedAt ?? run.startedAt;
  const time = [
    `created ${run.createdAt}`,
    ...(from ? [`${run.finishedAt ? 'over' : 'started'} ${from}`] : []),
  ];
  return [
    `${paint.bold(`run ${id}`)}  ${paint.status(status)(status)}`,
    `workflow   ${workflowId}${priority === 0 ? '' : `, priority ${priority}`}`,
    `time       ${time.join(', ')}`,
    ...(error ? [`error      ${paint.bad(printable(`${error.kind}: ${error.message}`))}`] : []),
    ...(why === null ? [] : [`why        ${paint.warn(printable(why))}`]),
  ];
}
