/** `reveille workflows`: what there is to run, when it runs next, and what became of its last scheduled times. */
import { Command } from 'commander';
import { z } from 'zod';
import { localText } from '../domain/schedule';
import { WorkflowDetail, WorkflowView } from '../http/views/workflow';
import { apiOf, overApi, type ApiOptions } from './client';
import { print, printable, printJson, table, terminalWidth, type Column } from './output';
import { paintFor, type Paint } from './terminal';

type Workflow = z.infer<typeof WorkflowView>;
type Detail = z.infer<typeof WorkflowDetail>;

export const workflowsCommand = (): Command =>
  overApi(
    new Command('workflows')
      .description('list workflows and when each runs next, or show one')
      .argument('[workflow]', 'its id: shows its steps, its next times and its last ones'),
  ).action(async (id: string | undefined, options: ApiOptions) => {
    const api = apiOf(options);
    const paint = paintFor(process.stdout, process.env);
    if (id !== undefined) {
      const found = await api.get(`/workflows/${encodeURIComponent(id)}`, WorkflowDetail);
      if (options.json) return printJson(found);
      return detail(found, paint).forEach((line) => print(line));
    }
    const { items } = await api.get('/workflows', z.object({ items: z.array(WorkflowView) }));
    if (options.json) return items.forEach((workflow) => printJson(workflow));
    if (items.length === 0) return print('There is no workflow: add one to src/registry/index.ts.');
    for (const line of table(items, columns(paint), terminalWidth(), paint.dim)) print(line);
  });

const columns = (paint: Paint): Array<Column<Workflow>> => [
  { title: 'workflow', value: (w) => w.id },
  { title: 'steps', value: (w) => String(w.steps.length) },
  { title: 'next', value: nextOf, paint: () => paint.dim },
  { title: 'schedule', value: (w) => scheduleText(w), flexible: true },
];

function nextOf({ schedule }: Workflow): string {
  const [next] = schedule?.next ?? [];
  return schedule === null || next === undefined ? '' : localText(schedule.timezone, Date.parse(next));
}

function scheduleText({ schedule }: Workflow): string {
  if (schedule === null) return '';
  return `${schedule.words}${schedule.enabled ? '' : ', off'}`; // the words name the zone
}

function detail(workflow: Detail, paint: Paint): string[] {
  const { id, name, description, steps, schedule, lastTicks } = workflow;
  const stepColumns: Array<Column<Detail['steps'][number]>> = [
    { title: 'step', value: (s) => s.id },
    { title: 'does', value: (s) => s.agentId ?? s.workflowId ?? s.kind },
    { title: 'needs', value: (s) => s.needs.join(', ') },
    { title: 'attempts', value: (s) => String(s.attempts) },
    { title: 'at most', value: (s) => `${s.timeoutSeconds} s` },
    { title: 'phase', value: (s) => s.phase, flexible: true },
  ];
  return [
    `${paint.bold(printable(id))}  ${printable(name)}`,
    ...(description === null ? [] : [printable(description)]),
    '',
    ...table(steps, stepColumns, terminalWidth(), paint.dim),
    '',
    ...(schedule === null ? ['No schedule.'] : [`${scheduleText(workflow)}  ${schedule.cron}`]),
    ...(schedule?.next ?? []).map((at) => `  next  ${bothTimes(schedule?.timezone ?? 'UTC', at)}`),
    ...lastTicks.map(
      (tick) =>
        `  last  ${bothTimes(schedule?.timezone ?? 'UTC', tick.scheduledFor)}  ${tick.action}: ${printable(tick.reason)}`,
    ),
  ];
}

/** In the schedule's zone, and where the person is if that is another. */
function bothTimes(zone: string, at: string): string {
  const viewer = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [theirs, mine] = [zone, viewer].map((z) => localText(z, Date.parse(at)));
  return viewer === zone ? `${theirs} ${zone}` : `${theirs} ${zone}, ${mine} ${viewer}`;
}
