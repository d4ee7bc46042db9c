/** What the work of agents costs and takes, by agent and release, from the results that count. */
import { Counter, type Registry as PromRegistry } from 'prom-client';
import { spentBy } from '../domain/budget/spend';
import { toUsd } from '../domain/cost/money';
import type { SettledResult } from '../engine/context';
import { ReleaseSeries, releaseLabel } from './release-series';

/** A result that says more than this, as no model reads it, is not believed. */
const MAX_TOKENS = 1e12;

/** Counts; the series are for whoever knows which releases still work. */
export function countWork(registry: PromRegistry) {
  const registers = [registry];
  const cost = new Counter({
    name: 'reveille_work_cost_usd_total',
    help: 'What results report as spent on models and actions, by agent and its release; capsules are not in it.',
    labelNames: ['agent', 'release'] as const,
    registers,
  });
  const tokens = new Counter({
    name: 'reveille_work_tokens_total',
    help: "Models' tokens that results report, by agent and its release.",
    labelNames: ['agent', 'release', 'direction'] as const,
    registers,
  });
  const [costs, counts] = [new ReleaseSeries(cost), new ReleaseSeries(tokens)];
  const add = ({ agentId: agent, releaseId, result }: SettledResult, now: number) => {
    const labels = { agent, release: releaseLabel(releaseId) };
    const { usage = [], actions = [] } = result;
    if (usage.length + actions.length === 0) return;
    costs.add(labels, Number(toUsd(spentBy(result).cost)), now);
    for (const direction of ['input', 'output'] as const) {
      const sum = usage.reduce((total, one) => total + believed(one[`${direction}Tokens`]), 0);
      counts.add({ ...labels, direction }, sum, now);
    }
  };
  return { add, series: [costs, counts] };
}

const believed = (tokens: number): number => (tokens >= 0 && tokens <= MAX_TOKENS ? tokens : 0);
