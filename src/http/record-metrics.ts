/** Figures that are read from the record when Prometheus asks: queues, money, messages to people. */
import { Counter, Gauge, type Registry as PromRegistry } from 'prom-client';
import { toUsd } from '../domain/cost/money';
import type { NotifySample } from '../notify';
import type { CapsuleRecord, Store } from '../store/store';

export type RecordStore = Pick<Store, 'waiting' | 'costTotals' | 'notificationBacklog'>;

const DAY_MS = 24 * 3_600_000;
/** Costs are added up by quarters of an hour. */
const QUARTER_MS = 900_000;
/** Agents in whose line the oldest is looked for. */
const MAX_LINES = 200;

/** Answers a function that reads them, given the capsules, and the gauges to be emptied when it cannot. */
export function recordGauges(registry: PromRegistry) {
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const oldest = gauge('reveille_queue_oldest_seconds', 'How long the first in line waits for its agent.', [
    'agent',
  ]);
  const cost = gauge('reveille_cost_usd_day', 'Booked costs of the last 24 hours, by agent and what for.', [
    'agent',
    'of',
  ]);
  const tokens = gauge('reveille_tokens_day', "Models' tokens booked in the last 24 hours, by agent.", [
    'agent',
    'direction',
  ]);
  const waiting = gauge('reveille_notifications_waiting', 'Messages to people that are not told yet.', [
    'channel',
  ]);
  const oldestMessage = gauge('reveille_notifications_oldest_seconds', 'How long the oldest of them waits.', [
    'channel',
  ]);
  const all = [oldest, cost, tokens, waiting, oldestMessage];
  const read = async (store: RecordStore, capsules: readonly CapsuleRecord[], now: number) => {
    const lines = capsules.filter(({ activity }) => activity.waiting > 0).slice(0, MAX_LINES);
    const end = Math.ceil(now / QUARTER_MS) * QUARTER_MS;
    const [totals, backlog, heads] = await Promise.all([
      store.costTotals('agent', [end - DAY_MS, end]),
      store.notificationBacklog(),
      Promise.all(lines.map(async ({ state }) => [state.agentId, await store.waiting(state.id, 1)] as const)),
    ]);
    for (const each of all) each.reset();
    for (const [agent, [head]] of heads)
      if (head) oldest.set({ agent }, Math.max(0, now - head.requestedAt) / 1_000);
    for (const { agentId: agent, figures } of totals) {
      cost.set({ agent, of: 'capsule' }, Number(toUsd(figures.capsuleCost)));
      cost.set({ agent, of: 'model' }, Number(toUsd(figures.modelCost)));
      tokens.set({ agent, direction: 'input' }, figures.inputTokens);
      tokens.set({ agent, direction: 'output' }, figures.outputTokens);
    }
    for (const { channel, waiting: count, oldestAt } of backlog) {
      waiting.set({ channel }, count);
      oldestMessage.set({ channel }, Math.max(0, now - oldestAt) / 1_000);
    }
  };
  return { read, stale: all };
}

/** Counts what the notifier tells of its tries. */
export function countNotifications(registry: PromRegistry): (sample: NotifySample) => void {
  const told = new Counter({
    name: 'reveille_notifications_total',
    help: 'Messages to people that this process tried to tell, by channel and what came of it.',
    labelNames: ['channel', 'outcome'] as const,
    registers: [registry],
  });
  return ({ channel, outcome, messages }) => told.inc({ channel, outcome }, messages);
}
