/** Checks of a workflow's steps: the names they use, the order they ask for, the places they read. */
import { z } from 'zod';
import { segments, type Path } from '../domain/condition';
import { closest, type Problem } from '../domain/schedule';

const text = z.string().trim().catch('');
const maybe = z.string().trim().optional().catch(undefined);
export const SeenStep = z
  .looseObject({
    id: text,
    agent: maybe,
    workflow: maybe,
    needs: z.array(z.string()).optional().catch(undefined),
    join: z.unknown().optional(),
    when: z.unknown().optional(),
    forEach: z.looseObject({ items: z.unknown() }).optional().catch(undefined),
    sleep: z.looseObject({ until: z.unknown() }).optional().catch(undefined),
    waitForEvent: z.looseObject({ key: z.unknown() }).optional().catch(undefined),
    timeoutSeconds: z.number().optional().catch(undefined),
  })
  .catch({ id: '' });
export type SeenStep = z.infer<typeof SeenStep>;

/** What is declared, to compare names with. */
export interface Names {
  readonly agents: readonly string[];
  readonly workflows: readonly string[];
}

/** How deep workflows may run workflows. */
const MAX_NESTING = 5;

/** @param earlier the steps of the phases before, whose outputs are known */
export function checkSteps(
  steps: readonly SeenStep[],
  earlier: readonly SeenStep[],
  place: string,
  names: Names,
): Problem[] {
  return [
    ...steps.flatMap((step, i) => {
      const at = `${place}[${i}]`;
      return [
        ...checkWork(step, at, names),
        ...checkNeeds(step, { steps, index: i, earlier }, at),
        ...checkJoin(step, i, at),
        ...checkPaths(step, [...earlier, ...before(steps, i)], at),
      ];
    }),
    ...circles(new Map(steps.map((s) => [s.id, s.needs ?? []])), 'steps need', 'needs').map((problem) => ({
      place,
      ...problem,
    })),
  ];
}

function checkWork({ agent, workflow }: SeenStep, place: string, names: Names): Problem[] {
  const problems: Problem[] = [];
  if (agent !== undefined && agent !== '' && !names.agents.includes(agent)) {
    problems.push(unknownName(`${place}.agent`, 'agent', agent, names.agents));
  }
  if (workflow !== undefined && workflow !== '' && !names.workflows.includes(workflow)) {
    problems.push(unknownName(`${place}.workflow`, 'workflow', workflow, names.workflows));
  }
  return problems;
}

function checkNeeds(
  { needs = [] }: SeenStep,
  { steps, index, earlier }: { steps: readonly SeenStep[]; index: number; earlier: readonly SeenStep[] },
  place: string,
) {
  const above = steps.slice(0, index).map((step) => step.id);
  const all = steps.map((step) => step.id);
  return needs.flatMap((need, i): Problem[] => {
    if (above.includes(need)) return [];
    const at = `${place}.needs[${i}]`;
    if (!all.includes(need) && earlier.some((step) => step.id === need)) {
      const problem = `the step needs "${need}", which is settled before any of these steps begins`;
      return [{ place: at, problem, mend: 'Remove it; its output is known all the same' }];
    }
    if (!all.includes(need)) return [unknownName(at, 'step', need, all)];
    const problem = `the step needs "${need}", which does not come before it`;
    return [{ place: at, problem, mend: `Write "${need}" above it: a step needs steps above it` }];
  });
}

function checkJoin({ join, needs }: SeenStep, index: number, place: string): Problem[] {
  const { atLeast } = (typeof join === 'object' && join !== null ? join : {}) as { atLeast?: unknown };
  const count = needs?.length ?? Math.min(1, index);
  if (typeof atLeast !== 'number' || atLeast <= count) return [];
  const problem = `${atLeast} steps have to succeed and it needs ${count}`;
  return [
    { place: `${place}.join.atLeast`, problem, mend: `Name more steps in needs, or lower it to ${count}` },
  ];
}

/** The steps whose outputs the step at an index is given: those above it that it needs, directly or not. */
function before(steps: readonly SeenStep[], index: number): SeenStep[] {
  const needsOf = (at: number) => steps[at]?.needs ?? (at > 0 ? [steps[at - 1]?.id ?? ''] : []);
  const found = new Set<number>();
  const todo = [index];
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    for (const id of needsOf(at)) {
      const above = steps.findIndex((s) => s.id === id);
      if (above < 0 || above >= at || found.has(above)) continue;
      found.add(above);
      todo.push(above);
    }
  }
  return [...found].map((i) => steps[i] as SeenStep);
}

const ROOTS = ['input', 'steps', 'failure'];

function checkPaths(step: SeenStep, known: readonly SeenStep[], place: string): Problem[] {
  const ids = known.map((s) => s.id);
  return pathsOf(step).flatMap(([key, path]) => {
    const [root = '', id = ''] = segments(path);
    const at = `${place}.${key}`;
    if (!ROOTS.includes(root)) {
      const problem = `a path begins with ${ROOTS.join(', ')}, not with "${root}"`;
      return [{ place: at, problem, mend: `Write e.g. input.${segments(path).join('.')}` }];
    }
    if (root !== 'steps' || ids.includes(id)) return [];
    const problem = `"${id}" is no step whose output is known here`;
    const guess = closest(id, ids);
    const mend = guess ? `Did you mean "${guess}"?` : `Name "${id}" in needs, directly or through others`;
    return [{ place: at, problem, mend }];
  });
}

/** Every path of a step, with where it is written. What is not shaped like one is the schema's to refuse. */
function pathsOf({ when, forEach, sleep, waitForEvent }: SeenStep): Array<[string, Path]> {
  const found: Array<[string, unknown]> = [
    ['forEach.items', forEach?.items],
    ['sleep.until', sleep?.until],
    ['waitForEvent.key', waitForEvent?.key],
    ...conditionPaths(when, 'when'),
  ];
  return found.filter((f): f is [string, Path] => isPath(f[1]));
}

/** Every path in a condition, with where it is written. */
export function conditionPaths(condition: unknown, key: string): Array<[string, unknown]> {
  if (typeof condition !== 'object' || condition === null) return [];
  const { all, any, not, path } = condition as Record<string, unknown>;
  const many = (list: unknown, name: string) =>
    Array.isArray(list) ? list.flatMap((c, i) => conditionPaths(c, `${key}.${name}[${i}]`)) : [];
  return [
    [`${key}.path`, path],
    ...many(all, 'all'),
    ...many(any, 'any'),
    ...conditionPaths(not, `${key}.not`),
  ];
}

export const isPath = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') ||
  (Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === 'string'));

/** Workflows that run each other in a circle, or too deep. */
export function checkNesting(
  workflows: ReadonlyArray<Record<'steps' | 'onFailure' | 'finally', SeenStep[]> & { id: string }>,
  place: string,
): Problem[] {
  const runs = new Map(
    workflows.map((w) => [
      w.id,
      [...w.steps, ...w.onFailure, ...w.finally].flatMap((s) => (s.workflow ? [s.workflow] : [])),
    ]),
  );
  const found = circles(runs, 'workflows run', 'steps').map((problem) => ({ place, ...problem }));
  if (found.length > 0) return found;
  const known = new Map<string, number>();
  const depth = (id: string): number => {
    const deep = known.get(id) ?? 1 + Math.max(0, ...(runs.get(id) ?? []).map(depth));
    known.set(id, deep);
    return deep;
  };
  return workflows.flatMap((w, i) =>
    depth(w.id) > MAX_NESTING + 1
      ? {
          place: `${place}[${i}]`,
          problem: `workflows run workflows more than ${MAX_NESTING} deep`,
          mend: 'Flatten some of them',
        }
      : [],
  );
}

/** Each circle named once. */
export function circles(edges: ReadonlyMap<string, readonly string[]>, what: string, which: string) {
  const done = new Set<string>();
  const problems: Array<Omit<Problem, 'place'>> = [];
  const visit = (id: string, path: readonly string[]) => {
    const start = path.indexOf(id);
    if (start >= 0) {
      const circle = [...path.slice(start), id].join(' → ');
      problems.push({
        problem: `${what} each other in a circle: ${circle}`,
        mend: `Remove one of these ${which}`,
      });
      return;
    }
    if (done.has(id)) return;
    for (const next of edges.get(id) ?? []) visit(next, [...path, id]);
    done.add(id);
  };
  for (const id of edges.keys()) visit(id, []);
  return problems;
}

export function unknownName(place: string, what: string, name: string, known: readonly string[]): Problem {
  const guess = closest(name, known);
  return {
    place,
    problem: `there is no ${what} "${name}"`,
    mend: guess
      ? `Did you mean "${guess}"?`
      : `Declare it, or name one of: ${known.join(', ') || '(none declared)'}`,
  };
}
