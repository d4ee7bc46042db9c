/** `reveille agents`: the agents of the installation, and what it takes to wake each. */
import { Command } from 'commander';
import { z } from 'zod';
import { AgentView } from '../http/views/capsule';
import { apiOf, overApi, type ApiOptions } from './client';
import { print, printJson, table, terminalWidth, type Column } from './output';
import { paintFor } from './terminal';

type Agent = z.infer<typeof AgentView>;

export const agentsCommand = (): Command =>
  overApi(new Command('agents').description('list the agents of the installation')).action(
    async (options: ApiOptions) => {
      const { items } = await apiOf(options).get('/agents', z.object({ items: z.array(AgentView) }));
      if (options.json) return items.forEach((agent) => printJson(agent));
      if (items.length === 0) return print('There is no agent. Make one with: reveille new agent <name>');
      const { dim } = paintFor(process.stdout, process.env);
      for (const line of table(items, COLUMNS, terminalWidth(), dim)) print(line);
    },
  );

const price = ({ pricePerReplicaHourUsd }: Agent): string =>
  pricePerReplicaHourUsd === null ? '-' : `$${pricePerReplicaHourUsd}`;

const COLUMNS: Array<Column<Agent>> = [
  { title: 'agent', value: (a) => a.id },
  { title: 'capsule', value: (a) => a.capsuleId },
  { title: 'mode', value: (a) => a.mode ?? 'api' },
  { title: 'jobs at once', value: (a) => String(a.concurrency) },
  { title: 'linger', value: (a) => `${a.lingerSeconds} s${a.linger === 'break-even' ? ' at most' : ''}` },
  { title: 'an hour', value: price },
  { title: 'address', value: (a) => a.baseUrl, flexible: true },
];
