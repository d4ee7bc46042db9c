/** A reading of what goes on, as the lines of a terminal. */
import { runShown } from '../../domain/status';
import type { RunSummary } from '../../http/views/run';
import { capsuleColumns, lasting } from '../capsules';
import { counted, cut, printable, table, type Column } from '../output';
import { SHORT_ID, stand } from '../runs/text';
import type { Paint } from '../terminal';
import type { Snapshot } from './snapshot';

/** Rows that are not the runs': what is left goes to them. */
const MIN_RUNS = 3;

/** @param height rows there are; undefined where nothing is cut, e.g. in a pipe */
export function screen(
  seen: Snapshot,
  paint: Paint,
  { width, height }: { width: number | undefined; height: number | undefined },
): string[] {
  const above = [
    summary(seen, paint),
    ...notices(seen, paint, width),
    '',
    ...capsules(seen, paint, width),
    '',
  ];
  const runs = [...seen.running, ...seen.queued];
  if (runs.length === 0) return [...above, paint.dim('No run is under way.')];
  const room = height === undefined ? runs.length : Math.max(MIN_RUNS, height - above.length - 2);
  const now = Date.parse(seen.at);
  const lines = table(runs.slice(0, room), runColumns(paint, now), width, paint.dim);
  const more = (seen.counts['running'] ?? 0) + (seen.counts['queued'] ?? 0) - Math.min(room, runs.length);
  return [...above, ...lines, ...(more > 0 ? [paint.dim(`and ${more} more`)] : [])];
}

function summary({ at, counts, capsules: all }: Snapshot, paint: Paint): string {
  const awake = all.filter((c) => c.status !== 'asleep').length;
  const words = ['running', 'queued', 'failed', 'succeeded'].map((status) => {
    const count = counts[status] ?? 0;
    const text = `${count} ${status}`;
    return count === 0 ? paint.dim(text) : paint.status(status)(text);
  });
  const capsuleText = `${awake} of ${counted(all.length, 'capsule')} awake`;
  return `${paint.bold('Reveille')}  ${at.slice(11, 19)} UTC   ${words.join('  ')}   ${capsuleText}`;
}

/** What needs a person comes first. */
function notices(
  { switches, alerts, approvals }: Snapshot,
  paint: Paint,
  width: number | undefined,
): string[] {
  const fit = (text: string) => (width === undefined ? printable(text) : cut(printable(text), width));
  return [
    ...switches.map((s) => paint.warn(fit(`off       ${s.text}`))),
    // A switch is told above; its alert would say the same.
    ...alerts
      .filter(({ kind }) => kind !== 'switched-off')
      .map((a) => paint.bad(fit(`alert     ${a.message}`))),
    ...approvals.map((m) =>
      paint.warn(fit(`approval  ${m.title}: reveille approvals ${m.id.slice(0, SHORT_ID)}`)),
    ),
  ];
}

function capsules({ capsules: all, at }: Snapshot, paint: Paint, width: number | undefined): string[] {
  if (all.length === 0) return [paint.dim('No capsule was woken yet.')];
  const order = ['draining', 'waking', 'awake', 'asleep'];
  const sorted = [...all].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  return table(sorted, capsuleColumns(paint, Date.parse(at)), width, paint.dim);
}

const runColumns = (paint: Paint, now: number): Array<Column<RunSummary>> => [
  { title: 'run', value: (r) => r.id.slice(0, SHORT_ID) },
  { title: 'workflow', value: (r) => r.workflowId },
  { title: 'status', value: (r) => runShown(r).text, paint: (r) => paint.status(r.status) },
  { title: 'for', value: (r) => lasting(now - Date.parse(r.startedAt ?? r.createdAt)) },
  {
    title: 'steps',
    value: (r) => `${r.steps.filter((s) => s.status === 'succeeded').length}/${r.steps.length}`,
  },
  { title: 'what', value: stand, flexible: true },
];
