/** What a step is given to work on. */
import type { RunData } from './condition';
import { before } from './graph';
import type { StepPlan } from './plan';

type Json = Record<string, unknown>;

/**
 * The run's input, the outputs before it merged over it in the order written, and the same outputs by step
 * under `steps`, so that a name clash loses nothing. Steps that run after a failure find it under `failure`.
 */
export function stepInput(
  plan: readonly StepPlan[],
  stepId: string,
  runInput: Json,
  outputs: ReadonlyMap<string, Json>,
  failure?: RunData['failure'],
): Json {
  const known = before(plan, stepId).flatMap(({ id }) => {
    const output = outputs.get(id);
    return output ? [{ id, output }] : [];
  });
  const own = plan.find((s) => s.id === stepId)?.input ?? {};
  const layers = [own, runInput, ...known.map((k) => k.output)];
  // By entries: a key such as __proto__, which an agent may send, stays a key.
  return Object.fromEntries([
    ...layers.flatMap((layer) => Object.entries(layer)),
    ...(failure ? [['failure', failure] as const] : []),
    ['steps', Object.fromEntries(known.map((k) => [k.id, k.output]))],
  ]);
}
