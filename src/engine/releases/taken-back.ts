/** Tells people that a release was taken back, with the exact difference between it and what works again. */
import { diffManifests } from '../../domain/release/diff';
import type { Rollout } from '../../domain/rollout/rollout';
import type { Alerts } from '../alerts';
import type { EngineDeps } from '../context';

/** Parts named in an alert. */
const MAX_TOLD = 8;

export type TakenBack = Pick<Rollout, 'agentId' | 'environment' | 'candidate' | 'incumbent'>;

/** @param why in a sentence, without its full stop */
export async function tellTakenBack(
  { store }: Pick<EngineDeps, 'store'>,
  alerts: Pick<Alerts, 'raise'>,
  { agentId, environment, candidate, incumbent }: TakenBack,
  why: string,
): Promise<void> {
  const [bad, good] = [await store.release(candidate), incumbent && (await store.release(incumbent))];
  const changes = bad ? diffManifests(good ? good.manifest : undefined, bad.manifest) : [];
  const told = changes.slice(0, MAX_TOLD).map((c) => `${c.part} ${c.name} ${c.kind}`.replace('  ', ' '));
  const more = changes.length > MAX_TOLD ? ` and ${changes.length - MAX_TOLD} more` : '';
  const diff = told.length === 0 ? '' : ` It differed in: ${told.join(', ')}${more}.`;
  const back = incumbent === undefined ? 'none works' : `${incumbent.slice(0, 12)} works again`;
  const message = `release ${candidate.slice(0, 12)} of ${agentId} is taken back from ${environment}, ${back}: ${why}.${diff}`;
  await alerts.raise({ kind: 'rollout-aborted', subject: `${agentId}/${environment}`, message }, 'engine');
}
