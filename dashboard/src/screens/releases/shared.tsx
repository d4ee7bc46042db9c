/** What the screens of releases share: how things are called, where they are, and how they stand. */
import type { Environment, Rollout } from '../../api/types';
import { Badge } from '../../parts/badge';
import type { Shown } from '../../../../src/domain/status';

/** Digits of an id, as on the command line. */
const SHOWN = 12;

export const short = (id: string): string => id.slice(0, SHOWN);

/** A release is named by its hash, a rollout by a UUID: both are things of this screen. */
export const releaseHref = (id: string): string => `/app/releases/${id}`;
export const rolloutHref = releaseHref;
export const isRelease = (id: string): boolean => /^[0-9a-f]{64}$/.test(id);

export const ReleaseLink = ({ id }: { id: string | null }) =>
  id === null ? (
    <span class="dim">–</span>
  ) : (
    <a href={releaseHref(id)} title={id}>
      <code>{short(id)}</code>
    </a>
  );

const shown = (text: string, tone: Shown['tone'], sign: string): Shown => ({ text, tone, sign });

const STATUSES: Record<Rollout['status'], Shown> = {
  pending: shown('pending', 'idle', '○'),
  gating: shown('being checked', 'busy', '●'),
  shadow: shown('in the shadow', 'busy', '●'),
  canary: shown('canary', 'busy', '●'),
  promoting: shown('being promoted', 'busy', '●'),
  paused: shown('waits for a person', 'held', '◔'),
  aborting: shown('being taken back', 'held', '◔'),
  done: shown('done', 'good', '✓'),
  'rolled-back': shown('taken back', 'bad', '✕'),
};

export const rolloutShown = ({ status, approvals }: Pick<Rollout, 'status' | 'approvals'>): Shown =>
  approvals ? shown('needs approval', 'held', '◔') : STATUSES[status];

export const isOver = ({ status }: Pick<Rollout, 'status'>): boolean =>
  status === 'done' || status === 'rolled-back';

export const VERDICTS: Record<'pass' | 'fail' | 'inconclusive', Shown> = {
  pass: shown('pass', 'good', '✓'),
  fail: shown('fail', 'bad', '✕'),
  inconclusive: shown('could not tell', 'held', '◔'),
};

/** Where a release stands, a badge each. */
export function Places({ id, environments }: { id: string; environments: readonly Environment[] }) {
  const places = environments.flatMap((env) => [
    ...(env.stable === id ? [shown(`stable in ${env.name}`, 'good', '✓')] : []),
    ...(env.candidate === id ? [shown(`candidate in ${env.name}, ${env.weight} %`, 'busy', '●')] : []),
    ...(env.previous === id ? [shown(`before in ${env.name}`, 'off', '–')] : []),
  ]);
  return (
    <>
      {places.map((place) => (
        <Badge key={place.text} shown={place} />
      ))}
    </>
  );
}
