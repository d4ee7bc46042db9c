/** `reveille protocol`: agents that are trusted step by step, by a policy file and the calendar. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { z } from 'zod';
import { PolicySchema, type Policy } from '../domain/protocol/policy';
import { ProtocolView } from '../http/views/protocol';
import { apiOf, overApi, type ApiOptions } from './client';
import { UsageError } from './exit';
import { print, printable, printJson } from './output';

type Seen = z.infer<typeof ProtocolView>;

const List = z.object({ items: z.array(ProtocolView) });

export const protocolCommand = (): Command =>
  new Command('protocol')
    .description('trust agents step by step, by a policy file and the calendar')
    .addCommand(showCommand(), { isDefault: true })
    .addCommand(startCommand())
    .addCommand(stopCommand());

const showCommand = (): Command =>
  overApi(
    new Command('show')
      .description('how the newest protocol goes, or what came of it')
      .argument('[id]', 'another one'),
  ).action(async (id: string | undefined, options: ApiOptions) => {
    const api = apiOf(options);
    const seen =
      id === undefined
        ? (await api.get('/protocols', List)).items[0]
        : await api.get(`/protocols/${encodeURIComponent(id)}`, ProtocolView);
    if (seen) return show(seen, options);
    if (options.json) printJson(null);
    else print('There was none yet. Begin one: reveille protocol start policies/seven-day.json');
  });

const startCommand = (): Command =>
  overApi(
    new Command('start')
      .description('begin a protocol; its first day is today')
      .argument('<file>', 'its policy, such as policies/seven-day.json')
      .option('--agents <ids>', 'whom it binds, separated by commas (default: all that are overseen)'),
  ).action(async (file: string, { agents, ...options }: ApiOptions & { agents?: string }) => {
    const body = {
      policy: policyIn(file),
      ...(agents !== undefined && { agents: agents.split(',').map((id) => id.trim()) }),
    };
    show(await apiOf(options).post('/protocols', ProtocolView, { body }), options);
  });

const stopCommand = (): Command =>
  overApi(
    new Command('stop')
      .description('end a protocol without a verdict')
      .argument('<id>', 'as `reveille protocol` shows it')
      .option('--reason <text>', 'for the ledger'),
  ).action(async (id: string, { reason, ...options }: ApiOptions & { reason?: string }) => {
    const body = reason === undefined ? {} : { reason };
    show(
      await apiOf(options).post(`/protocols/${encodeURIComponent(id)}/stop`, ProtocolView, { body }),
      options,
    );
  });

/** @throws UsageError naming the place in the file */
function policyIn(file: string): Policy {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} is no policy: ${(error as Error).message}`);
  }
  const parsed = PolicySchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => `  ${path.join('.') || 'it'}: ${message}`);
  throw new UsageError([`${file} is no policy:`, ...issues].join('\n'));
}

function show(seen: Seen, { json }: ApiOptions): void {
  if (json) return printJson(seen);
  const state = seen.status === 'running' ? `day ${seen.day ?? 0}, phase "${seen.phase ?? ''}"` : seen.status;
  print(printable(`${seen.name} (${seen.id}): ${state}`));
  print(printable(`Agents: ${seen.agents.join(', ')}`));
  const end = seen.endedAt === null ? `is judged at ${seen.endsAt}` : `ended at ${seen.endedAt}`;
  print(`It began at ${seen.startedAt} and ${end} (${seen.zone}).`);
  if (seen.status === 'running') print(`So far: ${seen.soFar}`);
  for (const { criterion, agentId, verdict, text } of seen.findings)
    print(
      printable(`  ${verdict.padEnd(12)} ${criterion}${agentId === null ? '' : ` of ${agentId}`}: ${text}`),
    );
}
