/** `reveille breakers`: which agents are given no more work, and why; `reset` lets one go on. */
import { Command } from 'commander';
import { z } from 'zod';
import { BreakerView } from '../http/views/breaker';
import { apiOf, overApi, type ApiOptions } from './client';
import { print, printable, printJson } from './output';

const BreakerList = z.object({ items: z.array(BreakerView) });
type BreakerSeen = z.infer<typeof BreakerView>;

export const breakersCommand = (): Command =>
  overApi(new Command('breakers').description('list the breakers of agents, and what they hold'))
    .action(async (options: ApiOptions) => {
      const { items } = await apiOf(options).get('/breakers', BreakerList);
      if (options.json) return items.forEach((b) => printJson(b));
      if (items.length === 0) return print('No agent has a breaker; `breaker` in the registry gives it one.');
      for (const breaker of items) print(printable(lineOf(breaker)));
    })
    .addCommand(resetCommand());

const resetCommand = (): Command =>
  overApi(
    new Command('reset')
      .description('close it: the work of the agent goes on in its order')
      .argument('<agent>', 'the id of an agent'),
  ).action(async (agent: string, options: ApiOptions) => {
    const path = `/agents/${encodeURIComponent(agent)}/breaker/reset`;
    const breaker = await apiOf(options).post(path, BreakerView, { body: {} });
    if (options.json) printJson(breaker);
    else print(printable(`Closed: the work of agent ${breaker.agentId} goes on.`));
  });

function lineOf({ agentId, status, failures, text }: BreakerSeen): string {
  if (text !== null) return `${agentId}: ${text}`;
  if (status === 'half-open') return `${agentId}: half-open; its next task is tried, and decides`;
  return `${agentId}: closed${failures === 0 ? '' : `, ${failures} failed in a row`}`;
}
