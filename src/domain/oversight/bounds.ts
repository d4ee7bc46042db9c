/** What an agent proposed, in sum and by type: what an approval covers, and what a real run is held to. */
import type { AgentRunResult } from '../../contract';

type Action = NonNullable<AgentRunResult['actions']>[number];
type Actions = readonly Action[];

export type ActionSummary = Pick<Action, 'type' | 'platform' | 'costUsd' | 'recurring' | 'reach'>;

/** By type of action. */
export type Bounds = Record<string, { count: number; costUsd: number; reach: number; recurring?: true }>;

/** Types in one proposal at most; what is beyond is not covered by an approval. */
const MAX_TYPES = 200;
/** Rounding of sums of decimal numbers; a millionth of a dollar is nothing. */
const EPSILON_USD = 1e-6;

export function boundsOf(actions: Actions = []): Bounds {
  const bounds = new Map<string, Bounds[string]>();
  for (const { type, costUsd = 0, reach = 0, recurring } of actions) {
    const known = bounds.get(type);
    if (!known && bounds.size >= MAX_TYPES) continue;
    const { count, costUsd: cost, reach: reached } = known ?? { count: 0, costUsd: 0, reach: 0 };
    const often = recurring === true || known?.recurring === true;
    const sum = { count: count + 1, costUsd: cost + costUsd, reach: reached + reach };
    bounds.set(type, { ...sum, ...(often && { recurring: true as const }) });
  }
  return Object.fromEntries(bounds);
}

export const costOf = (actions: Actions = []): number =>
  actions.reduce((sum, a) => sum + (a.costUsd ?? 0), 0);

/** What a real run did beyond its bounds, in sentences; nothing when it kept to them. */
export function beyond(bounds: Bounds, actions: Actions = []): string[] {
  const allowed = new Map(Object.entries(bounds));
  const done = new Map<string, Bounds[string]>();
  for (const [type, sum] of Object.entries(boundsOf(actions))) done.set(type, sum);
  const over = [...done].flatMap(([type, sum]) => beyondOne(type, allowed.get(type), sum));
  const types = new Set(actions.map((a) => a.type));
  if (types.size > MAX_TYPES) over.push(`actions of ${types.size} types, where ${MAX_TYPES} are looked at`);
  return over;
}

function beyondOne(type: string, allowed: Bounds[string] | undefined, done: Bounds[string]): string[] {
  if (!allowed) return [`did ${type}, which was not proposed`];
  return [
    ...(done.count > allowed.count
      ? [`did ${type} ${done.count} times, proposed were ${allowed.count}`]
      : []),
    ...(done.costUsd > allowed.costUsd + EPSILON_USD
      ? [`spent $${done.costUsd.toFixed(2)} on ${type}, proposed were $${allowed.costUsd.toFixed(2)}`]
      : []),
    ...(done.reach > allowed.reach
      ? [`reached ${done.reach} people with ${type}, proposed were ${allowed.reach}`]
      : []),
    ...(done.recurring && !allowed.recurring ? [`made ${type} recurring, which was not proposed`] : []),
  ];
}
