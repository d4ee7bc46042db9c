/** What the commands of `reveille release` share: names of releases, and how things are told. */
import { z } from 'zod';
import type { RolloutView } from '../../http/views/release';
import { EnvironmentView, ReleaseView } from '../../http/views/release';
import type { ApiClient } from '../client';
import { CliError, EXIT } from '../exit';
import { counted, print, printable } from '../output';

export type Release = z.infer<typeof ReleaseView>;
export type Rollout = z.infer<typeof RolloutView>;
export type Environment = z.infer<typeof EnvironmentView>;

export const EnvironmentList = z.object({ current: z.string(), items: z.array(EnvironmentView) });

/** Shorter beginnings would soon fit several. */
const SHORTEST = 6;
const LOOKED_THROUGH = 1_000;
const SHOWN = 12;

export const short = (id: string | null): string => (id === null ? '-' : id.slice(0, SHOWN));

/** A release by its id or the beginning of it. @throws CliError when it is none, or several */
export async function findRelease(api: ApiClient, wanted: string, agentId?: string): Promise<Release> {
  if (/^[0-9a-f]{64}$/.test(wanted)) return api.get(`/releases/${wanted}`, ReleaseView);
  if (!/^[0-9a-f]+$/.test(wanted) || wanted.length < SHORTEST)
    throw new CliError(`"${wanted}" is no release: give ${SHORTEST} or more digits of its id.`, {
      exitCode: EXIT.usage,
    });
  const found: Release[] = [];
  for await (const release of api.items('/releases', ReleaseView, { agentId }, LOOKED_THROUGH))
    if (release.id.startsWith(wanted)) found.push(release);
  const [only, other] = found;
  if (only && !other) return only;
  throw new CliError(`${other ? 'Several releases begin' : 'No release begins'} with "${wanted}".`, {
    lines: ['"reveille release list" shows them.'],
    exitCode: EXIT.notFound,
  });
}

/** `writer/production: canary of 3f2a91… after 1b…, gating (warm-up)`. */
export function headOf(rollout: Rollout): string {
  const { agentId, environment, candidate, incumbent, status, stage, strategy } = rollout;
  const from = incumbent === null ? '' : ` after ${short(incumbent)}`;
  return printable(
    `${agentId}/${environment}: ${strategy} of ${short(candidate)}${from}, ${status}${stage === null ? '' : ` (${stage})`}`,
  );
}

export const verdictLine = ({ stage, verdict, reason }: Rollout['verdicts'][number]): string =>
  printable(`  ${stage}: ${verdict}: ${reason}`);

export function tellRollout(rollout: Rollout): void {
  print(headOf(rollout));
  print(`rollout ${rollout.id}`);
  for (const verdict of rollout.verdicts) print(verdictLine(verdict));
  if (rollout.replay) print(replayLine(rollout.replay));
  if (rollout.report) for (const line of reportLines(rollout.report)) print(line);
  if (rollout.approvals) print(approvalLine(rollout.approvals));
  if (rollout.waitsFor !== null) print(printable(`  waits for ${rollout.waitsFor}`));
  if (rollout.memo !== null) print(printable(rollout.memo));
  if (rollout.abortedFor !== null) print(printable(`Aborted: ${rollout.abortedFor}`));
}

const approvalLine = ({ wanted, given, expiresAt }: NonNullable<Rollout['approvals']>): string => {
  const by = given.length === 0 ? '' : `: ${given.map((a) => a.by).join(', ')}`;
  return printable(`  ${given.length} of ${wanted} approvals${by}; until ${expiresAt}`);
};

const replayLine = ({ tasks, removed, seconds, costUsd }: NonNullable<Rollout['replay']>): string => {
  const gone = removed > 0 ? ` (${removed} more were removed by retention)` : '';
  return `  replay: ${counted(tasks, 'task')}${gone}, forecast ${seconds.toFixed(0)} s and ${costUsd.toFixed(2)} USD`;
};

export function reportLines({ reason, metrics }: NonNullable<Rollout['report']>): string[] {
  const lines = metrics.map(({ metric, runs, bad, abort, promote }) => {
    const sure = `${(100 * promote.value).toFixed(1)} % sure, ${(100 * promote.threshold).toFixed(0)} % wanted`;
    const more = promote.runsNeeded === null ? '' : `, about ${promote.runsNeeded} tasks more`;
    return `  ${metric}: ${bad} of ${runs} bad; E ${abort.value.toFixed(2)} of ${abort.threshold.toFixed(0)}; ${sure}${more}`;
  });
  return [...lines, `  ${reason}`].map(printable);
}
