/**
 * What is asked of the list of runs, as SQL. Only conditions that are asked for are in it: the planner has to see
 * what it gets, or it reads every run to sort them.
 */
import type { RunFilter } from '../store';

export interface Conditions {
  where: string;
  values: unknown[];
}

/** Of the newest runs so many are looked through for a text, before all of them are. */
const NEAR = 2_000;
const NEWEST = 'ORDER BY created_at DESC, id DESC';

/** Of the row at hand. A state is large: it is read where a filter looks into it alone. */
const state = (path: string): string => `(SELECT ${path} FROM run_states WHERE run_id = id)`;

const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The ids that begin with a text; undefined where none can. As bounds: to write out each id takes longer. */
function idsFrom(text: string): { first: string; last: string } | undefined {
  const [first, last] = [FIRST_ID, LAST_ID].map((id) => text + id.slice(text.length));
  const isId = first !== undefined && /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(first);
  return isId && last !== undefined ? { first, last } : undefined;
}

/** Capitals do not matter; those of workflow ids are plain letters, which "C" knows quicker than any language. */
function holdsText(text: string, value: (given: unknown) => string): string {
  const ids = idsFrom(text);
  const wanted = `${value(text)}::text`;
  const parts = [
    ids && `id BETWEEN ${value(ids.first)}::uuid AND ${value(ids.last)}::uuid`,
    `strpos(lower(workflow_id COLLATE "C"), ${wanted}) > 0`,
    `strpos(lower(error), ${wanted}) > 0`,
  ];
  return `(${parts.filter((part) => part !== undefined).join(' OR ')})`;
}

/** What is asked for beside a text, and that it holds the text. */
function partsOf(filter: RunFilter, after?: { at: number; id: string }) {
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
    after && `(created_at, id) < (${value(after.at)}::bigint, ${value(after.id)}::uuid)`,
  ];
  const others = parts.filter((part) => typeof part === 'string').join(' AND ');
  return { others, values, ...(text !== undefined && { holds: holdsText(text.toLowerCase(), value) }) };
}

export function conditionsOf(filter: RunFilter): Conditions {
  const { others, holds, values } = partsOf(filter);
  return { where: holds === undefined ? others : `${others} AND ${holds}`, values };
}

/**
 * Statements for the ids of a page, newest first, each to be tried only when the one before gave fewer than `limit`.
 * A text that many runs hold is found among the newest. One that few hold is looked for in all of them, in the order
 * in which they are stored: in the order of their age, as the planner would, it takes four times as long.
 * @param after where the page before ended
 */
export function pageOf(filter: RunFilter, limit: number, after?: { at: number; id: string }) {
  const { others, holds, values } = partsOf(filter, after);
  const columns = 'SELECT id, created_at FROM';
  const end = `${NEWEST} LIMIT ${limit}`;
  if (holds === undefined) return { statements: [`${columns} runs WHERE ${others} ${end}`], values };
  const near = `${columns} (SELECT * FROM runs WHERE ${others} ${NEWEST} LIMIT ${NEAR}) newest WHERE ${holds} ${end}`;
  const far = `WITH found AS MATERIALIZED (${columns} runs WHERE ${others} AND ${holds}) ${columns} found ${end}`;
  return { statements: [near, far], values };
}
