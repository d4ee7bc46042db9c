/**
 * What is asked of the list of runs, as SQL. Only conditions that are asked for are in it: the planner has to see
 * what it gets, or it reads every run to sort them.
 */
import type { RunFilter } from '../store';

export interface Conditions {
  where: string;
  values: unknown[];
}

/** Of the row at hand. A state is large: it is read where a filter looks into it alone. */
const state = (path: string): string => `(SELECT ${path} FROM run_states WHERE run_id = id)`;

/** Capitals do not matter. Only runs that did not succeed have an error: the states of the others stay unread. */
const holdsText = (text: string): string => `(starts_with(id::text, ${text})
    OR strpos(lower(workflow_id), ${text}) > 0
    OR (status NOT IN ('queued', 'succeeded') AND strpos(lower(${state("state->'error'->>'message'")}), ${text}) > 0))`;

/** @param after where the page before ended */
export function conditionsOf(filter: RunFilter, after?: { at: number; id: string }): Conditions {
  const { workflowId, status, createdAfter, createdBefore, parent, text } = filter;
  const values: unknown[] = [];
  const value = (given: unknown): string => `$${values.push(given)}`;
  const parts = [
    parent === undefined ? 'parent_id IS NULL' : `parent_id = ${value(parent.runId)}::uuid`,
    workflowId !== undefined && `workflow_id = ${value(workflowId)}`,
    status !== undefined && `status = ${value(status)}`,
    createdAfter !== undefined && `created_at >= ${value(createdAfter)}::bigint`,
    createdBefore !== undefined && `created_at < ${value(createdBefore)}::bigint`,
    parent?.stepId !== undefined && `${state("state->'trigger'->>'stepId'")} = ${value(parent.stepId)}`,
    text !== undefined && holdsText(`${value(text.toLowerCase())}::text`),
    after && `(created_at, id) < (${value(after.at)}::bigint, ${value(after.id)}::uuid)`,
  ];
  return { where: parts.filter((part) => typeof part === 'string').join(' AND '), values };
}
