/** What agents may do without a person, and whether there is a person to ask. */
import { VARIABLES, type Config } from '../config';
import { holds } from '../domain/scope';
import type { Registry } from '../registry';
import type { Store } from '../store/store';
import { ok, unknown, warn, type Finding } from './finding';

/** Keys that are looked at, newest first. */
const MAX_KEYS = 1_000;
/** Verdicts of one release that are looked at. */
const MAX_VERDICTS = 200;

/** Looser than what is set where nobody says otherwise is for agents that have shown what they do. */
export function examineThresholds({
  oversight: { spendUsd, confidence },
}: Pick<Config, 'oversight'>): Finding {
  const { AUTO_SPEND_LIMIT_USD: spend, CONFIDENCE_AUTO_THRESHOLD: sure } = VARIABLES;
  const text = `people are asked above ${spendUsd} US dollars, and below a confidence of ${confidence}`;
  if (spendUsd <= Number(spend.fallback) && confidence >= Number(sure.fallback))
    return ok('thresholds', text);
  const mend = `Begin with AUTO_SPEND_LIMIT_USD=${spend.fallback} and CONFIDENCE_AUTO_THRESHOLD=${sure.fallback}`;
  return warn('thresholds', `${text}, which is looser than is wise at first`, mend);
}

/** Whether anybody but the holder of a key of the environment can decide what waits for a person. */
export async function examineReviewers(
  store: Pick<Store, 'keys'>,
  { oidc }: Pick<Config, 'oidc'>,
  now: number,
): Promise<Finding> {
  const { items } = await store.keys(MAX_KEYS);
  const isGood = ({ revokedAt, expiresAt = Infinity }: (typeof items)[number]) =>
    revokedAt === undefined && expiresAt > now;
  const owners = new Set(
    items.filter((k) => isGood(k) && holds(k.scopes, 'approver')).map(({ owner }) => owner),
  );
  const atProvider = (oidc?.access.approver.length ?? 0) + (oidc?.access.admin.length ?? 0);
  if (owners.size + atProvider === 0)
    return warn(
      'reviewers',
      'nobody but who holds API_KEYS can decide what waits for a person',
      'reveille keys create approvals --scope approver --owner <person>',
    );
  const ways = [
    ...(owners.size > 0 ? [`${owners.size} by key`] : []),
    ...(atProvider > 0 ? [`${atProvider} names of OIDC_APPROVERS and OIDC_ADMINS`] : []),
  ];
  return ok('reviewers', `people who may decide: ${ways.join(', ')}`);
}

/** Whether the release that works has a score of its evaluations, to compare the next one with. */
export async function examineBaselines(
  store: Pick<Store, 'environment' | 'verdictsOf'>,
  { agents }: Pick<Registry, 'agents'>,
  environment: string,
): Promise<Finding> {
  const without: string[] = [];
  let known = 0;
  for (const { id } of agents) {
    const stable = (await store.environment(id, environment))?.stable;
    if (stable === undefined) continue;
    known += 1;
    const verdicts = await store.verdictsOf(stable, MAX_VERDICTS);
    if (!verdicts.some(({ stage }) => stage === 'evals')) without.push(id);
  }
  if (known === 0)
    return unknown(
      'evals',
      'no agent has a release here, so that none has a score on record',
      'docs/evals.md',
    );
  return without.length === 0
    ? ok('evals', `of ${known} agents with a release, each has a score on record`)
    : warn('evals', `no score is on record of ${without.join(', ')}`, 'reveille release validate <folder>');
}
