/** What came of a job, for people and as JSON. */
import { resultShape } from '../../../inbox/examine';
import { AgentRunResult } from '../../../contract';
import type { ShapeDifference, ShapeVerdict } from '../../../store/deliveries';
import { differenceLines } from '../../inbox/text';
import { counted, cut, printable } from '../../output';
import type { Paint } from '../../terminal';
import type { Job } from './request';
import type { Arrival } from './sources';

const MAX_OUTPUT_CHARS = 10_000;

export interface Verdict {
  /** As the result says; undefined where it says none. */
  status: string | undefined;
  shape: ShapeVerdict;
  /** Fields that name another job than the one that was sent. */
  mismatches: ShapeDifference[];
  /** It is a result of this very job, it holds, and it says success. */
  ok: boolean;
}

export function judge({ value, signature, via }: Arrival, job: Job, sees: boolean): Verdict {
  const shape = resultShape(value);
  const said = (value ?? {}) as Partial<Record<string, unknown>>;
  const mismatches = (['workflowId', 'stepId', 'runId'] as const)
    .filter((field) => typeof said[field] === 'string' && said[field] !== job[field])
    .map((field) => ({ field, saw: JSON.stringify(said[field]), expected: JSON.stringify(job[field]) }));
  const status = typeof said.status === 'string' ? said.status : undefined;
  const delivered = via === 'webhook' || !sees;
  const ok =
    shape.kind === 'fits' &&
    mismatches.length === 0 &&
    signature.kind !== 'invalid' &&
    status === 'success' &&
    delivered;
  return { status, shape, mismatches, ok };
}

export function resultLines(arrival: Arrival, verdict: Verdict, paint: Paint): string[] {
  const { shape, mismatches } = verdict;
  const { signature, value } = arrival;
  const differs = shape.kind === 'differs' ? shape : { differences: [], more: 0 };
  const all = { differences: [...differs.differences, ...mismatches], more: differs.more };
  return [
    ...(all.differences.length > 0
      ? [paint.bad('It differs from an AgentRunResult of this job:'), ...differenceLines(all, paint)]
      : []),
    ...(signature.kind === 'invalid' ? [paint.bad(`Its signature does not hold: ${signature.reason}.`)] : []),
    ...(signature.kind === 'unchecked'
      ? [paint.dim('It is signed; with AGENT_SECRET set the signature is checked.')]
      : []),
    ...(signature.kind === 'valid' ? [paint.good('Its signature holds.')] : []),
    ...bodyLines(value, paint),
  ];
}

function bodyLines(value: unknown, paint: Paint): string[] {
  const read = AgentRunResult.safeParse(value);
  if (!read.success) return value === undefined ? [] : json(value);
  const { error, output, usage, toolCalls, actions, confidence, needsHuman } = read.data;
  const facts = [
    usage &&
      `${counted(usage.length, 'model call')}, $${usage.reduce((sum, u) => sum + u.costUsd, 0).toFixed(4)}`,
    toolCalls && counted(toolCalls.length, 'tool call'),
    actions && counted(actions.length, 'action'),
    confidence !== undefined && `confidence ${confidence}`,
    needsHuman !== undefined && `needs a person: ${needsHuman}`,
  ].filter((fact): fact is string => typeof fact === 'string');
  return [
    ...(error === undefined ? [] : [paint.bad(printable(error))]),
    ...(facts.length > 0 ? [paint.dim(printable(facts.join(', ')))] : []),
    ...json(output),
  ];
}

const json = (value: unknown): string[] =>
  printable(cut(JSON.stringify(value, null, 2), MAX_OUTPUT_CHARS)).split('\n');
