/** `reveille costs`: replica-seconds and money by day, workflow, agent, model or run. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { CostReportView } from '../http/views/cost';
import { apiOf, overApi, type ApiOptions } from './client';
import { whole } from './options';
import { print, printJson, table, terminalWidth, type Column } from './output';
import { paintFor } from './terminal';

type Report = z.infer<typeof CostReportView>;
type Row = Report['items'][number];

interface CostOptions extends ApiOptions {
  from?: string;
  to?: string;
  by: Report['by'];
  zone?: string;
  limit?: number;
}

export function costsCommand(): Command {
  const command = new Command('costs')
    .description('what was awake for whom, and what it cost')
    .addOption(
      new Option('--by <what>', 'what the rows are')
        .choices(['day', 'workflow', 'agent', 'model', 'run'])
        .default('day'),
    )
    .option('--from <date>', 'a date (its beginning) or a time; default: 30 days ago', dateOrTime)
    .option('--to <date>', 'a date (its end) or a time; default: now', dateOrTime)
    .option('--zone <zone>', 'whose days are meant, an IANA time zone; default: UTC')
    .option('--limit <n>', 'with --by run: how many, the newest (default 50)', whole(1, 200));
  return overApi(command).action(costs);
}

async function costs(options: CostOptions): Promise<void> {
  const { from, to, by, zone, limit, json } = options;
  const query = { from, to, by, zone, limit };
  const report = await apiOf(options).get('/costs', CostReportView, { query });
  if (json) printJson(report);
  else for (const line of costLines(report, terminalWidth())) print(line);
}

/** A report as people read it. @param width what a line may take; undefined for pipes */
export function costLines(report: Report, width: number | undefined): string[] {
  const { dim } = paintFor(process.stdout, process.env);
  const { from, to, zone, items, total, strays, by } = report;
  const time = `${minute(from)} to ${minute(to)} (UTC), days of ${zone}`;
  if (items.length === 0) return [`nothing on the bill from ${time}`, ...strayLines(strays)];
  const rows = [...items, { ...total, key: 'total' }];
  return [
    dim(time),
    ...table(rows, columns(by), width, dim),
    ...(total.savedUsd === null
      ? []
      : ['', `saved $${total.savedUsd} of $${total.alwaysOnUsd} for always on`]),
    ...(total.seconds.unpriced === 0
      ? []
      : [
          `${total.seconds.unpriced} s without a price: set pricePerReplicaHourUsd of the agent in the registry`,
        ]),
    ...(report.nextCursor === null
      ? []
      : ['older runs are left out: take a higher --limit or an earlier --to']),
    ...strayLines(strays),
  ];
}

function columns(by: Report['by']): Array<Column<Row>> {
  const seconds = (title: string, part: keyof Row['seconds']): Column<Row> => ({
    title,
    value: (row) => row.seconds[part].toFixed(1),
  });
  const nobody = by === 'model' ? '(capsules)' : '(nobody)';
  return [
    { title: by, value: (row) => (row.key === '' ? nobody : row.key), flexible: true },
    ...(by === 'run' ? [{ title: 'workflow', value: (row: Row) => row.workflowId ?? '' }] : []),
    seconds('boot', 'boot'),
    seconds('prewarm', 'prewarm'),
    seconds('work', 'work'),
    seconds('linger', 'linger'),
    seconds('drain', 'drain'),
    seconds('billed s', 'billed'),
    {
      title: 'waste',
      value: (row) => (row.wasteRatio === null ? '-' : `${(row.wasteRatio * 100).toFixed(1)}%`),
    },
    { title: 'capsules $', value: (row) => row.capsuleUsd },
    { title: 'models $', value: (row) => row.modelUsd },
    { title: 'total $', value: (row) => row.totalUsd },
    ...(by === 'day' || by === 'agent'
      ? [{ title: 'saved $', value: (row: Row) => row.savedUsd ?? '-' }]
      : []),
  ];
}

const strayLines = (strays: Report['strays']): string[] =>
  strays.map(({ capsuleId, foundAt, replicas, seconds, capsuleUsd, endedAt }) => {
    const cost = capsuleUsd === null ? '' : `, $${capsuleUsd} at most`;
    const what = endedAt === null ? 'being put to sleep' : `${seconds} replica-seconds${cost}`;
    return `stray  ${minute(foundAt)}  ${replicas} replica(s) of ${capsuleId} ran without a reason: ${what}`;
  });

const minute = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 16)}`;

function dateOrTime(text: string): string {
  const read = z.union([z.iso.date(), z.iso.datetime({ offset: true })]).safeParse(text);
  if (!read.success)
    throw new InvalidArgumentError('give a date, e.g. 2026-03-31, or a time, e.g. 2026-03-31T09:00:00Z');
  return text;
}
