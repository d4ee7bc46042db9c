/** The run as a graph, with the runs that a step fans out to. */
import { stepShown } from '../../../../src/domain/status';
import type { StepView } from '../../api/types';
import { Badge } from '../../parts/badge';
import { layoutOf, type Node } from './layout';

/** Pixels; the same in style/run.css. */
const [WIDTH, HEIGHT, GAP_X, GAP_Y] = [180, 76, 44, 16];
/** Runs of a fan-out drawn one by one; beyond, a square stands for several. */
const MAX_SQUARES = 40;

const leftOf = ({ column }: Node): number => column * (WIDTH + GAP_X);
const topOf = ({ row }: Node): number => row * (HEIGHT + GAP_Y);

interface Props {
  steps: readonly StepView[];
  chosen: string | undefined;
  choose: (stepId: string) => void;
}

export function Graph({ steps, chosen, choose }: Props) {
  const { nodes, edges, columns, rows } = layoutOf(steps);
  const width = columns * (WIDTH + GAP_X) - GAP_X;
  const height = rows * (HEIGHT + GAP_Y) - GAP_Y;
  return (
    <div class="graph-box" tabIndex={0} role="region" aria-label="Graph of the steps">
      <div class="graph" style={{ width: `${width}px`, height: `${height}px` }}>
        <svg width={width} height={height} aria-hidden="true">
          {edges.map(({ from, to }) => {
            const [x1, y1] = [leftOf(from) + WIDTH, topOf(from) + HEIGHT / 2];
            const [x2, y2] = [leftOf(to), topOf(to) + HEIGHT / 2];
            const bend = (x2 - x1) / 2;
            const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
            return <path key={`${from.step.id} ${to.step.id}`} d={path} class={`edge ${to.step.status}`} />;
          })}
        </svg>
        {nodes.map((node) => (
          <button
            key={node.step.id}
            type="button"
            class={`node ${node.step.status}`}
            style={{ left: `${leftOf(node)}px`, top: `${topOf(node)}px` }}
            aria-pressed={node.step.id === chosen}
            onClick={() => choose(node.step.id)}
          >
            <span class="node-name">{node.step.id}</span>
            <Badge shown={stepShown(node.step)} />
            {node.step.children ? (
              <FanOut of={node.step.children} />
            ) : (
              <span class="dim">{node.step.agentId ?? node.step.kind}</span>
            )}
          </button>
        ))}
      </div>
    </div>
  );
}

function FanOut({
  of: { total, open, running, succeeded, failed },
}: {
  of: NonNullable<StepView['children']>;
}) {
  const per = Math.max(1, Math.ceil(total / MAX_SQUARES));
  const parts = { good: succeeded, bad: failed, busy: running, idle: open };
  return (
    <span class="fan" title={`${succeeded} succeeded, ${failed} failed, ${running} running, ${open} to come`}>
      {Object.entries(parts).flatMap(([tone, count]) =>
        Array.from({ length: Math.ceil(count / per) }, (_, i) => (
          <i key={`${tone}${i}`} class={`square tone-${tone}`} aria-hidden="true" />
        )),
      )}
      <span class="dim">
        {succeeded}/{total}
        {failed > 0 && `, ${failed} failed`}
      </span>
    </span>
  );
}
