/** What is booked: lines of a step's cost, and lines of the totals that outlive the runs. */
import { attribute, millisecondsOf, type WorkedShift } from './attribute';
import { billed, NO_FIGURES, NOTHING, wasted, type Figures, type Milliseconds } from './figures';
import { capsuleCost, ofUsd } from './money';
import { quarterOf, spread } from './spread';

export interface StepLine {
  runId: string;
  stepId: string;
  /** Of whom the costs are: `provider/model`, or empty for the capsule's. */
  model: string;
  figures: Figures;
}

export interface TotalLine {
  /** When the quarter of an hour begins, epoch milliseconds. */
  quarter: number;
  /** Empty: nobody's. */
  workflowId: string;
  agentId: string;
  model: string;
  figures: Figures;
}

export interface Booking {
  steps: StepLine[];
  totals: TotalLine[];
  /** Whose budgets pay what no step did: the agent's, on this day. */
  who?: { agent: string; day: string; month: string };
}

/** What models a step used, as one result reported it. */
export interface UsageReport {
  runId: string;
  stepId: string;
  attempt: number;
  counted: boolean;
  workflowId: string;
  agentId: string;
  receivedAt: number;
  usage: ReadonlyArray<{
    provider: string;
    model: string;
    inputTokens: number;
    outputTokens: number;
    cacheReadTokens?: number | undefined;
    costUsd: number;
  }>;
}

/** @param usdPerHour price of a replica-hour of the shift's agent; undefined where none is declared */
export function shiftBooking(worked: WorkedShift, usdPerHour: number | undefined): Booking {
  const { agentId } = worked.shift;
  const shares = attribute(worked);
  const used = shares.length > 0;
  const unattributed = used ? NOTHING : millisecondsOf(worked.shift);
  const priced = (ms: Milliseconds) => figuresOf(ms, usdPerHour, used);
  return {
    steps: shares.map(({ runId, stepId, ms }) => ({ runId, stepId, model: '', figures: priced(ms) })),
    totals: spread(worked, shares, unattributed).map(({ quarter, workflowId, ms }) => ({
      quarter,
      workflowId,
      agentId,
      model: '',
      figures: priced(ms),
    })),
  };
}

export function figuresOf(ms: Milliseconds, usdPerHour: number | undefined, used: boolean): Figures {
  return {
    ...NO_FIGURES,
    ...ms,
    wastedMs: wasted(ms, used),
    unpricedMs: usdPerHour === undefined ? billed(ms) : 0,
    capsuleCost: usdPerHour === undefined ? 0n : capsuleCost(usdPerHour, billed(ms)),
  };
}

/** Replicas that ran although their capsule should have been asleep. Times are epoch milliseconds. */
export interface Stray {
  capsuleId: string;
  agentId: string;
  replicas: number;
  /** When zero replicas were last seen, or else when they were found: they ran at most since then. */
  since: number;
  foundAt: number;
  /** When they were seen to be gone. */
  endedAt?: number;
}

/** Until it was found a stray lingered, after that it drained; nobody worked on it. */
export function strayMilliseconds({ replicas, since, foundAt, endedAt = foundAt }: Stray): Milliseconds {
  const linger = Math.max(0, foundAt - since);
  const drain = Math.max(0, endedAt - foundAt);
  return { ...NOTHING, lingerMs: linger * replicas, drainMs: drain * replicas };
}

export function strayBooking(stray: Stray, usdPerHour: number | undefined): Booking {
  const { capsuleId, agentId, since, foundAt, endedAt = foundAt } = stray;
  const at = {
    requestedAt: since,
    acceptedAt: since,
    healthyAt: since,
    scaleDownAt: foundAt,
    zeroAt: endedAt,
  };
  const shift = { capsuleId, agentId, generation: 0, ...at, split: strayMilliseconds(stray) };
  return shiftBooking({ shift, leases: [] }, usdPerHour);
}

/** Names come from outside; longer ones would not fit an index. */
const MAX_MODEL_NAME = 200;
/** Beyond it, a count of tokens is not one. */
const MAX_TOKENS = 1_000_000_000_000;

export function usageBooking(report: UsageReport): Booking {
  const { runId, stepId, workflowId, agentId, receivedAt } = report;
  const quarter = quarterOf(receivedAt);
  const byModel = new Map<string, Figures>();
  for (const use of report.usage) {
    const model = `${use.provider}/${use.model}`.slice(0, MAX_MODEL_NAME);
    const sum = { ...(byModel.get(model) ?? NO_FIGURES) };
    sum.inputTokens += Math.min(use.inputTokens, MAX_TOKENS);
    sum.outputTokens += Math.min(use.outputTokens, MAX_TOKENS);
    sum.cacheReadTokens += Math.min(use.cacheReadTokens ?? 0, MAX_TOKENS);
    sum.modelCost += ofUsd(use.costUsd);
    byModel.set(model, sum);
  }
  const lines = [...byModel].map(([model, figures]) => ({ model, figures }));
  return {
    steps: lines.map((line) => ({ runId, stepId, ...line })),
    totals: lines.map((line) => ({ quarter, workflowId, agentId, ...line })),
  };
}
