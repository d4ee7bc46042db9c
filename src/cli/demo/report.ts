/** What the demo says once its run is over: the report, the bill, what comes next. */
import type { Orchestrator } from '../../compose';
import type { Shift } from '../../domain/capsule';
import type { RunState } from '../../domain/run';
import { describe, nextTicks } from '../../domain/schedule';
import type { Registry } from '../../registry';
import type { Paint } from '../terminal';
import { bill, billLines } from './bill';

/** Shifts looked at: more than a run of the demo can have. */
const MAX_SHIFTS = 50;

export interface Summary {
  runId: string;
  status: string;
  steps: Array<{
    id: string;
    status: string;
    attempts: number;
    bootMs: number | null;
    workMs: number | null;
    totalMs: number | null;
  }>;
  billedSeconds: number;
  elapsedMs: number;
}

/** The machine-readable summary of `--json`. Durations in milliseconds. */
export async function summarise(
  orchestrator: Orchestrator,
  run: RunState,
  elapsedMs: number,
): Promise<Summary> {
  const shifts = await shiftsOf(orchestrator, run);
  const steps = run.steps.map((step, i) => {
    const last = step.history.at(-1);
    const agentId = agentAt(run, i);
    const shift = shifts.find((s) => s.agentId === agentId && s.generation === last?.generation);
    return {
      id: step.id,
      status: step.status,
      attempts: step.attempt,
      bootMs: shift?.split?.bootMs ?? null,
      workMs: last?.durationMs ?? null,
      totalMs: last ? last.endedAt - last.requestedAt : null,
    };
  });
  return { runId: run.id, status: run.status, steps, billedSeconds: bill(shifts).billedSeconds, elapsedMs };
}

export interface ReportContext {
  orchestrator: Orchestrator;
  registry: Registry;
  run: RunState;
  print: (line?: string) => void;
  paint: Paint;
}

export async function printReport({
  orchestrator,
  registry,
  run,
  print,
  paint,
}: ReportContext): Promise<void> {
  const workflow = registry.workflow(run.workflowId);
  const outputs = (await orchestrator.store.payloads(run.id))?.results.filter((r) => r.counted) ?? [];
  const output = (stepId: string) => outputs.find((r) => r.stepId === stepId)?.result.output ?? {};
  print();
  print(`${paint.bold(`The run ${run.status}`)}${run.error ? `: ${run.error.message}` : ''}`);
  for (const line of reportLines(output('analyse'), output('notify'))) print(line);
  print();
  const agents = new Set(workflow.steps.map((s) => s.agent)).size;
  const ticks = workflow.schedule ? nextTicks(workflow.schedule, Date.now(), 2) : [];
  const [next, after] = ticks;
  const periodSeconds = next !== undefined && after !== undefined ? (after - next) / 1_000 : 7 * 86_400;
  for (const line of billLines(await shiftsOf(orchestrator, run), agents, periodSeconds)) print(line);
  if (workflow.schedule && next !== undefined) {
    print(`next run      ${describe(workflow.schedule)}: ${inZone(next, workflow.schedule.timezone)}`);
  }
  print(`API docs      ${orchestrator.url}/docs`);
}

const inZone = (at: number, timeZone: string): string =>
  new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short', timeZone }).format(at);

function reportLines(analysis: Record<string, unknown>, notice: Record<string, unknown>): string[] {
  const { summary, score, topWin } = analysis;
  const win = topWin as { title?: unknown } | undefined;
  const files = Array.isArray(notice['files']) ? notice['files'] : [];
  return [
    ...(typeof summary === 'string' ? [summary] : []),
    ...(typeof score === 'number' ? [`score         ${score} of 100`] : []),
    ...(typeof win?.title === 'string' ? [`top win       ${win.title}`] : []),
    ...files.map((file) => `report        ${String(file)}`),
  ];
}

/** The shifts in which the run's steps were done. */
async function shiftsOf(orchestrator: Orchestrator, run: RunState): Promise<Shift[]> {
  const used = new Set(
    run.steps.flatMap((step, i) => step.history.map((h) => `${agentAt(run, i)}/${h.generation}`)),
  );
  const { items } = await orchestrator.store.shifts({}, MAX_SHIFTS);
  return items.filter((s) => used.has(`${s.agentId}/${s.generation}`));
}

const agentAt = ({ plan }: RunState, index: number): string | undefined => {
  const step = plan[index];
  return step?.kind === 'agent' ? step.agentId : undefined;
};
