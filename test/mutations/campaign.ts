/** One campaign with bugs planted in what it runs, judged by code without them. */
import * as invariants from '../simulation/invariants';
import * as policies from '../simulation/policies';
import { LONGEST_LINGER_MS } from '../simulation/registry';
import { Auditor } from './auditor';
import type { Judges } from './field';
import { Graph, type Edit } from './graph';

type Field = (seed: number, judges: Judges) => Promise<string[]>;

/** Answers what was violated; empty when nothing was. */
export async function campaign(edits: readonly Edit[], seed: number): Promise<string[]> {
  const shared = {
    'test/simulation/invariants.ts': invariants,
    'test/simulation/policies.ts': policies,
  };
  const graph = new Graph({ edits, shared });
  const { field } = graph.load('test/mutations/field.ts') as { field: Field };
  return field(seed, {
    auditor: new Auditor(),
    invariants: (now) => new invariants.Invariants(now, LONGEST_LINGER_MS),
    // Nobody is frozen there, and all clocks are right.
    policies: (options) => new policies.Policies({ ...options, isCalmSince: () => true }),
  });
}
