/** Whether a protocol passed: each of its criteria, with what speaks for the verdict. Pure. */
import type { Criteria } from './policy';
import type { Downtime, Tally } from './protocol';

export type Verdict = 'pass' | 'fail' | 'inconclusive';

export const CRITERIA = [
  'incidents',
  'success',
  'calibration',
  'runaways',
  'first-approvals',
  'downtime',
] as const;

export interface Finding {
  criterion: (typeof CRITERIA)[number];
  /** Of which agent; undefined: of all together. */
  agentId?: string;
  verdict: Verdict;
  /** What was seen, as a sentence. */
  text: string;
}

/** What happened since a protocol began. */
export interface Evidence {
  agents: ReadonlyArray<{ agentId: string; incidents: number } & Tally>;
  /** First proposals that people decided on or left to expire, and how many they approved as they were. */
  firstProposals: { decided: number; approved: number };
  /** What was raised: an alert's kind and subject each. */
  runaways: readonly string[];
  downtimes: readonly Downtime[];
}

const percent = (rate: number): string => `${(rate * 100).toFixed(1)} %`;
/** Sums of decimal numbers are no exact ones: 0.9 - 0.8 is within 0.1. */
const EPSILON = 1e-9;

export function judge(criteria: Criteria, evidence: Evidence): Finding[] {
  return [
    ...incidents(criteria, evidence),
    ...evidence.agents.flatMap((agent) => [...success(criteria, agent), ...calibration(criteria, agent)]),
    ...runaways(criteria, evidence),
    ...firstApprovals(criteria, evidence),
    ...downtime(criteria, evidence),
  ];
}

/** One failure fails it; and without evidence nothing has passed. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  if (findings.some(({ verdict }) => verdict === 'fail')) return 'fail';
  return findings.some(({ verdict }) => verdict === 'inconclusive') ? 'inconclusive' : 'pass';
}

function incidents({ maxIncidents }: Criteria, { agents }: Evidence): Finding[] {
  if (maxIncidents === undefined) return [];
  const count = agents.reduce((sum, agent) => sum + agent.incidents, 0);
  const who = agents.filter((agent) => agent.incidents > 0).map(({ agentId }) => agentId);
  const by = who.length === 0 ? '' : `, by ${who.join(', ')}`;
  return [finding('incidents', count <= maxIncidents, `${count} of at most ${maxIncidents}${by}.`)];
}

type Agent = Evidence['agents'][number];

function success(criteria: Criteria, { agentId, tasks, succeeded }: Agent): Finding[] {
  const { minSuccessRate, baselines = {}, minSamples } = criteria;
  const own = Object.hasOwn(baselines, agentId) ? baselines[agentId] : undefined;
  const least = own ?? minSuccessRate;
  if (least === undefined) return [];
  if (tasks < minSamples) return [few('success', `${tasks} tasks`, minSamples, agentId)];
  const rate = succeeded / tasks;
  const text = `${percent(rate)} of ${tasks} tasks succeeded, at least ${percent(least)} are asked for.`;
  return [{ ...finding('success', rate >= least - EPSILON, text), agentId }];
}

function calibration({ maxCalibrationError, minSamples }: Criteria, agent: Agent): Finding[] {
  if (maxCalibrationError === undefined) return [];
  const { agentId, stated, statedSum, statedSucceeded } = agent;
  if (stated < minSamples)
    return [few('calibration', `${stated} tasks said how sure they were`, minSamples, agentId)];
  const said = statedSum / stated;
  const came = statedSucceeded / stated;
  const text = `It was sure by ${percent(said)} on average, and ${percent(came)} of ${stated} tasks succeeded; ${percent(maxCalibrationError)} apart at most.`;
  const isWithin = Math.abs(said - came) <= maxCalibrationError + EPSILON;
  return [{ ...finding('calibration', isWithin, text), agentId }];
}

/** Named in the text at most. */
const MAX_NAMED = 5;

function runaways({ maxRunaways }: Criteria, { runaways: seen }: Evidence): Finding[] {
  if (maxRunaways === undefined) return [];
  const named = seen.slice(0, MAX_NAMED).join(', ');
  const text = `${seen.length} of at most ${maxRunaways}${named === '' ? '' : `: ${named}`}.`;
  return [finding('runaways', seen.length <= maxRunaways, text)];
}

function firstApprovals(criteria: Criteria, { firstProposals }: Evidence): Finding[] {
  const { firstApprovalsAbove: least, minSamples } = criteria;
  if (least === undefined) return [];
  const { decided, approved } = firstProposals;
  if (decided < minSamples)
    return [few('first-approvals', `${decided} first proposals were decided`, minSamples)];
  const rate = approved / decided;
  const text = `${percent(rate)} of ${decided} first proposals were approved as they were, more than ${percent(least)} are asked for.`;
  return [finding('first-approvals', rate > least, text)];
}

function downtime({ maxDowntimeSeconds }: Criteria, { downtimes }: Evidence): Finding[] {
  if (maxDowntimeSeconds === undefined) return [];
  const seconds = Math.round(downtimes.reduce((sum, { from, to }) => sum + to - from, 0) / 1_000);
  const text = `${seconds} s of unplanned downtime in ${downtimes.length} gaps, at most ${maxDowntimeSeconds} s.`;
  return [finding('downtime', seconds <= maxDowntimeSeconds, text)];
}

const finding = (criterion: Finding['criterion'], holds: boolean, text: string): Finding => ({
  criterion,
  verdict: holds ? 'pass' : 'fail',
  text,
});

const few = (criterion: Finding['criterion'], what: string, least: number, agentId?: string): Finding => ({
  criterion,
  verdict: 'inconclusive',
  text: `${what}, and fewer than ${least} say nothing.`,
  ...(agentId !== undefined && { agentId }),
});
