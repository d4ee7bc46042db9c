/** Whether an agent works supervised or autonomously: promoted by what went well, back on an incident. */
import type { LedgerEntry } from '../ledger';
import type { Tally } from '../protocol/protocol';
import type { Level } from './rules';
import type { OversightSettings } from './settings';

/** What the record knows of an agent. */
export interface Standing {
  agentId: string;
  /** What was decided last; undefined: nothing yet. */
  level?: LevelRecord;
  /** Types of action it did, none of them in an incident. */
  known: string[];
  /** Successful actions that a person had approved, since the last incident; and incidents, ever. */
  counts: Counts;
  lastIncident?: { at: number; text: string; runId: string };
  /** How its tasks went, ever; left out where it did none. */
  tally?: Tally;
}

export interface LevelRecord {
  level: Level;
  since: number;
  reason: string;
  /** Who decided: `engine`, or a person. */
  actor: string;
  version: number;
  /** What was counted when it was decided: only what comes after counts for the next change. */
  base: Counts;
}

/** What an agent did so far. Supervised actions are counted from zero again after each incident. */
export interface Counts {
  supervisedActions: number;
  incidents: number;
}

export const NOTHING_YET: Counts = { supervisedActions: 0, incidents: 0 };

/** What counts since the last change of level. */
export function sinceChange(counts: Counts, { base }: Pick<LevelRecord, 'base'>): Counts {
  const incidents = counts.incidents - base.incidents;
  const before = incidents > 0 ? 0 : base.supervisedActions;
  return { incidents, supervisedActions: counts.supervisedActions - before };
}

type Rules = Pick<OversightSettings, 'mode' | 'promoteAfter'>;

/** How an agent works from now on, whatever was decided before: an incident counts at once. */
export function levelOf(rules: Rules, standing: Standing): Level {
  return changeOf(rules, standing)?.level ?? levelBefore(rules, standing);
}

/** The change of level that is due, and why; undefined when all is as it should be. */
export function changeOf(
  { mode, promoteAfter }: Rules,
  standing: Standing,
): { level: Level; reason: string } | undefined {
  const now = levelBefore({ mode }, standing);
  if (mode === 'supervised') return undefined;
  const { counts, level, lastIncident } = standing;
  const { incidents, supervisedActions } = sinceChange(counts, level ?? { base: NOTHING_YET });
  if (now === 'autonomous' && incidents > 0)
    return { level: 'supervised', reason: `incident: ${lastIncident?.text ?? 'unknown'}` };
  if (now === 'supervised' && supervisedActions >= promoteAfter)
    return { level: 'autonomous', reason: `${supervisedActions} supervised actions went well` };
  return undefined;
}

/** As it was decided before what happened since; without a decision, as configured. */
export function levelBefore({ mode }: Pick<Rules, 'mode'>, { level }: Standing): Level {
  if (mode === 'supervised') return 'supervised';
  return level?.level ?? (mode === 'autonomous' ? 'autonomous' : 'supervised');
}

/**
 * How an agent works in a protocol's phase: what happened since the protocol began goes before what was earned
 * earlier, so that everybody begins alike.
 */
export function levelWithin(
  phase: { mode: 'supervised' | 'by-rule' },
  startedAt: number,
  incidentsBefore: number,
  { counts, level, lastIncident }: Standing,
): Level {
  if (phase.mode === 'supervised') return 'supervised';
  // A person's word, or the fall after an incident.
  const said =
    level && level.since >= Math.max(startedAt, lastIncident?.at ?? startedAt) ? level.level : undefined;
  return said ?? (counts.incidents > incidentsBefore ? 'supervised' : 'autonomous');
}

export const levelEntry = (
  agentId: string,
  { level, since: at, reason, actor }: Omit<LevelRecord, 'version' | 'base'>,
  was: Level,
): LedgerEntry => ({
  at,
  actor,
  action: level === 'autonomous' ? 'oversight.promoted' : 'oversight.supervised',
  entity: 'oversight',
  id: agentId,
  set: { level },
  was: { level: was },
  reason,
});
