/** Tells people that a release was taken back, with the exact difference between it and what works again. */
import { diffManifests, type ReleaseChange } from '../../domain/release/diff';
import { holdsSecret } from '../../domain/release/static-check';
import type { Rollout } from '../../domain/rollout/rollout';
import type { MovedBack } from '../../domain/rollout-spans';
import type { Alerts } from '../alerts';
import type { EngineDeps } from '../context';
import { KeyedMutex } from '../tasks';
import type { Releases } from './index';

/** Parts named in an alert. */
const MAX_TOLD = 8;
/** Of one value; more of it is in `reveille release diff`. */
const MAX_VALUE = 60;
/** Rollouts of all agents, newest first, among which the one is looked for that brought a release. */
const MAX_LOOKED_THROUGH = 200;
const HASH = /\b[0-9a-f]{40,64}\b/g;

type Taken = Pick<Rollout, 'agentId' | 'environment' | 'candidate' | 'incumbent'>;
type Deps = Pick<EngineDeps, 'store' | 'events'>;

export class TakenBack {
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly deps: Deps,
    private readonly alerts: Pick<Alerts, 'raise' | 'resolve'>,
    private readonly releases: Pick<Releases, 'load'>,
  ) {}

  /** By the end of a rollout. @param why in a sentence, without its full stop */
  async byRollout(rollout: Rollout, why: string): Promise<void> {
    const { stable } = await this.releases.load(rollout.agentId, rollout.environment);
    // What works now may be neither of the two.
    const isOther = stable !== undefined && stable !== rollout.candidate;
    await this.tell(isOther ? { ...rollout, incumbent: stable } : rollout, why);
  }

  /** A pointer went back outside of any rollout: by a person's word, or by a breaker's. */
  async byMove(back: MovedBack, reason: string | undefined): Promise<void> {
    const { agentId, environment, from, releaseId, actor } = back;
    const said = reason === undefined ? '' : `: ${reason}`;
    const why = actor === 'engine' ? (reason ?? 'its breaker opened') : `a person rolled it back${said}`;
    await this.tell({ agentId, environment, candidate: from, incumbent: releaseId }, why);
    const { items } = await this.deps.store.rollouts(MAX_LOOKED_THROUGH);
    const isOfIt = (r: Rollout): boolean =>
      r.agentId === agentId && r.environment === environment && r.candidate === from;
    const brought = items.find((r) => r.status === 'done' && isOfIt(r))?.id;
    this.deps.events.emit('rollback', { ...back, ...(brought !== undefined && { rolloutId: brought }) });
  }

  private async tell({ agentId, environment, candidate, incumbent }: Taken, why: string): Promise<void> {
    const { store } = this.deps;
    const [bad, good] = [await store.release(candidate), incumbent && (await store.release(incumbent))];
    const changes = bad ? diffManifests(good ? good.manifest : undefined, bad.manifest) : [];
    const told = changes.slice(0, MAX_TOLD).map(textOf);
    const more = changes.length > MAX_TOLD ? ` and ${changes.length - MAX_TOLD} more` : '';
    const diff = told.length === 0 ? '' : ` It differed in: ${told.join(', ')}${more}.`;
    const back = incumbent === undefined ? 'none works' : `${incumbent.slice(0, 12)} works again`;
    const message = `release ${candidate.slice(0, 12)} of ${agentId} is taken back from ${environment}, ${back}: ${why}.${diff}`;
    const about = { kind: 'rollout-aborted' as const, subject: `${agentId}/${environment}` };
    // Each is an alert of its own, with its own difference, also while nobody has seen to the last one.
    await this.mutex.run(about.subject, async () => {
      await this.alerts.resolve(about, 'another release was taken back', 'engine');
      await this.alerts.raise({ ...about, message }, 'engine');
    });
  }
}

function textOf({ part, name, kind, old, new: now }: ReleaseChange): string {
  const what = `${part} ${name}`.trim();
  const isTold = kind === 'changed' && old !== undefined && now !== undefined;
  return isTold ? `${what} changed from ${shown(old)} to ${shown(now)}` : `${what} ${kind}`;
}

/** Hashes as people are shown them; nothing that looks like a key. */
function shown(value: string): string {
  if (holdsSecret(value)) return '[redacted]';
  const short = value.replace(HASH, (hash) => hash.slice(0, 12));
  return short.length > MAX_VALUE ? `${short.slice(0, MAX_VALUE)}…` : short;
}
