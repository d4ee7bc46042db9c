/** What is wrong between deployments, judged on facts alone. */
import type { AppContract } from './config';

export interface Facts {
  /** Commits of main that what is live has not; undefined without a main or a live slot. */
  mainAhead: number | undefined;
  /** Commits that only one of the two branches has. */
  divergence: number;
  /** Why the live app is not well. */
  health: string | undefined;
  /** Where what runs is not what the state says. */
  drift: string | undefined;
  /** Why the health contract no longer holds, though the app is well. */
  contract: string | undefined;
  /** Why the remote could not be asked. */
  remote: string | undefined;
  diskUsedPercent: number;
  failedDeploys: number;
}

export const FINDING_KINDS = [
  'main-ahead',
  'divergence',
  'health',
  'drift',
  'contract',
  'remote',
  'disk',
  'failed-deploys',
] as const;

export interface ReconcileFinding {
  kind: (typeof FINDING_KINDS)[number];
  detail: string;
}

type Limits = Pick<AppContract, 'max_branch_divergence' | 'max_disk_used_percent' | 'max_failed_deploys'>;

/** What people should know of the facts; empty when all is well. */
export function findingsOf(facts: Facts, limits: Limits): ReconcileFinding[] {
  const said: Record<ReconcileFinding['kind'], string | false | undefined> = {
    'main-ahead': (facts.mainAhead ?? 0) > 0 && `main is ${facts.mainAhead} commits ahead of what is live`,
    divergence:
      facts.divergence > limits.max_branch_divergence &&
      `the branches differ by ${facts.divergence} commits; ${limits.max_branch_divergence} are allowed`,
    health: facts.health,
    drift: facts.drift,
    contract: facts.contract,
    remote: facts.remote,
    disk:
      facts.diskUsedPercent > limits.max_disk_used_percent &&
      `${facts.diskUsedPercent.toFixed(0)} % of the disk are used; ${limits.max_disk_used_percent} % are allowed`,
    'failed-deploys':
      facts.failedDeploys >= limits.max_failed_deploys &&
      `${facts.failedDeploys} deployments have failed in a row`,
  };
  return FINDING_KINDS.flatMap((kind) => {
    const detail = said[kind];
    return detail ? [{ kind, detail }] : [];
  });
}
