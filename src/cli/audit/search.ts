import type { z } from 'zod';
import { AuditEntryView } from '../../http/views/audit';
import { apiOf, type ApiOptions } from '../client';
import { print, printJson, table, terminalWidth, type Column } from '../output';
import { paintFor } from '../terminal';

type Entry = z.infer<typeof AuditEntryView>;

export interface FilterOptions extends ApiOptions {
  actor?: string;
  action?: string;
  entity?: string;
  id?: string;
  runId?: string;
  from?: string;
  to?: string;
}

export const queryOf = ({ actor, action, entity, id, runId, from, to }: FilterOptions) => ({
  ...{ actor, action, entity, id, runId, from, to },
});

export async function search(options: FilterOptions & { limit: number }): Promise<void> {
  const entries: Entry[] = [];
  for await (const entry of apiOf(options).items('/audit', AuditEntryView, queryOf(options), options.limit)) {
    if (options.json) printJson(entry);
    else entries.push(entry);
  }
  if (options.json) return;
  if (entries.length === 0) return print('nothing in the ledger fits');
  const { dim } = paintFor(process.stdout, process.env);
  for (const line of table(entries, COLUMNS, terminalWidth(), dim)) print(line);
}

const COLUMNS: Array<Column<Entry>> = [
  { title: 'entry', value: ({ seq }) => String(seq) },
  { title: 'time (UTC)', value: ({ at }) => at.slice(0, 19).replace('T', ' ') },
  { title: 'who', value: ({ actor }) => actor },
  { title: 'what', value: ({ action }) => action },
  { title: 'which', value: ({ id }) => id },
  { title: 'change, and why', value: changeOf, flexible: true },
];

function changeOf({ set, was, reason }: Entry): string {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const fields = Object.entries(set).map(([key, value]) =>
    was && key in was ? `${key}: ${text(was[key])} → ${text(value)}` : `${key}: ${text(value)}`,
  );
  return [...(reason === null ? [] : [reason]), ...fields].join('; ');
}
