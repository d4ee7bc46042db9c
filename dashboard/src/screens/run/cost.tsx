import type { RunView } from '../../api/types';
import { usd } from '../../parts/time';

/** Money where there is a price, seconds in any case. */
export const Cost = ({ cost }: { cost: NonNullable<RunView['cost']> }) => (
  <span title={`capsules ${usd(Number(cost.capsuleUsd))}, models ${usd(Number(cost.modelUsd))}`}>
    {usd(Number(cost.totalUsd))} · {cost.seconds.billed.toFixed(1)} s billed
  </span>
);
