/** Where the steps of a run stand in its graph: a column for each depth. Pure. */
import type { StepView } from '../../api/types';

export interface Node {
  step: StepView;
  column: number;
  row: number;
}

export interface Edge {
  from: Node;
  to: Node;
}

export interface Layout {
  nodes: Node[];
  edges: Edge[];
  columns: number;
  rows: number;
}

const PHASES = ['main', 'on-failure', 'finally'] as const;

export function layoutOf(steps: readonly StepView[]): Layout {
  const depth = new Map<string, number>();
  let base = 0;
  // A phase begins when the one before is over: its steps stand behind all of that.
  for (const phase of PHASES) {
    const own = steps.filter((step) => step.phase === phase);
    // No step needs one that is written in a circle; as many rounds as steps settle every order.
    for (let round = 0; round < own.length; round += 1) {
      for (const { id, needs } of own) {
        const behind = needs.map((need) => (depth.get(need) ?? base - 1) + 1);
        depth.set(id, Math.max(base, ...behind));
      }
    }
    base = Math.max(base, ...own.map(({ id }) => (depth.get(id) ?? base) + 1));
  }
  const rows = new Map<number, number>();
  const nodes = steps.map((step) => {
    const column = depth.get(step.id) ?? 0;
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    return { step, column, row };
  });
  const byId = new Map(nodes.map((node) => [node.step.id, node]));
  const edges = nodes.flatMap((to) =>
    to.step.needs.flatMap((need) => {
      const from = byId.get(need);
      return from ? [{ from, to }] : [];
    }),
  );
  return { nodes, edges, columns: base, rows: Math.max(1, ...rows.values()) };
}
