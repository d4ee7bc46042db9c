/**
 * A protocol under way: by the calendar of its zone it goes from phase to phase, and is judged when the last one is
 * over. Pure; its days are dates, so that a clock change makes none longer or shorter.
 */
import { dateAt, startOfDay } from '../cost/days';
import { change, type LedgerEntry } from '../ledger';
import type { Counts } from '../oversight/level';
import type { Finding } from './judge';
import type { Phase, Policy } from './policy';

export const PROTOCOL_STATUSES = ['running', 'pass', 'fail', 'inconclusive', 'stopped'] as const;
export type ProtocolStatus = (typeof PROTOCOL_STATUSES)[number];

/** How an agent's tasks went so far, of those that reported a result. */
export interface Tally {
  tasks: number;
  succeeded: number;
  /** Those that said how sure they were; the sum of what they said; and how many of them succeeded. */
  stated: number;
  statedSum: number;
  statedSucceeded: number;
}

export const NO_TALLY: Tally = { tasks: 0, succeeded: 0, stated: 0, statedSum: 0, statedSucceeded: 0 };

/** What was counted of an agent when the protocol began. */
export type Base = Tally & Pick<Counts, 'incidents'>;

export interface Downtime {
  from: number;
  to: number;
}

export interface Protocol {
  id: string;
  policy: Policy;
  agents: string[];
  zone: string;
  startedAt: number;
  startedBy: string;
  status: ProtocolStatus;
  /** The phase that was entered last, from 0. */
  phase: number;
  base: Record<string, Base>;
  /** When an orchestrator was last at work, and when none was. */
  seenAt: number;
  downtimes: Downtime[];
  endedAt?: number;
  findings?: Finding[];
}

const DAY_MS = 86_400_000;
/** An orchestrator tells so often that it is at work; a gap of more than so much is a downtime. */
export const SEEN_EVERY_MS = 60_000;
export const DOWN_AFTER_MS = 300_000;
/** What is kept of them; a protocol with more has failed long since. */
const MAX_DOWNTIMES = 100;

const dayNumber = (date: string): number => Date.parse(`${date}T00:00:00Z`) / DAY_MS;

/** Which day of the protocol it is, from 1. */
export const dayOf = ({ zone, startedAt }: Pick<Protocol, 'zone' | 'startedAt'>, now: number): number =>
  dayNumber(dateAt(zone, now)) - dayNumber(dateAt(zone, startedAt)) + 1;

/** The midnight at which it ends, epoch milliseconds. */
export function endOf({ policy, zone, startedAt }: Pick<Protocol, 'policy' | 'zone' | 'startedAt'>): number {
  const days = policy.phases.reduce((sum, phase) => sum + phase.days, 0);
  const last = new Date((dayNumber(dateAt(zone, startedAt)) + days) * DAY_MS);
  return startOfDay(zone, last.toISOString().slice(0, 10));
}

/** The phase that its day is in, from 0; undefined once all are over. A clock set back changes nothing. */
export function phaseIndex(protocol: Protocol, now: number): number | undefined {
  let day = dayOf(protocol, now);
  for (const [index, { days }] of protocol.policy.phases.entries()) {
    if (day <= days) return Math.max(index, protocol.phase);
    day -= days;
  }
  return undefined;
}

/** The phase that binds an agent now: until it is judged, the last one goes on. */
export function phaseFor(protocol: Protocol | undefined, agentId: string, now: number): Phase | undefined {
  if (protocol?.status !== 'running' || !protocol.agents.includes(agentId)) return undefined;
  return protocol.policy.phases[phaseIndex(protocol, now) ?? protocol.policy.phases.length - 1];
}

/** How much of the declared caps is allowed now, percent. */
export function capPercent(protocol: Protocol | undefined, now: number): number {
  if (protocol?.status !== 'running') return 100;
  const index = phaseIndex(protocol, now) ?? protocol.policy.phases.length - 1;
  return protocol.policy.phases[index]?.capPercent ?? 100;
}

/** An orchestrator is at work: notes the time when none was. @param planned a switch was over everything meanwhile */
export function seen(protocol: Protocol, now: number, planned: boolean): Protocol {
  const { seenAt, downtimes } = protocol;
  const wasDown = now - seenAt > DOWN_AFTER_MS && !planned && downtimes.length < MAX_DOWNTIMES;
  const more = wasDown ? [{ from: seenAt, to: now }] : [];
  return { ...protocol, seenAt: Math.max(seenAt, now), downtimes: [...downtimes, ...more] };
}

type ProtocolVerb = 'started' | 'phase' | 'down' | 'ended';

/** What the ledger tells of a change. @param before undefined where it begins */
export function protocolEntry(
  before: Protocol | undefined,
  after: Protocol,
  { at, actor, action }: Pick<LedgerEntry, 'at' | 'actor'> & { action: ProtocolVerb },
  reason?: string,
): LedgerEntry {
  return {
    ...{ at, actor, action: `protocol.${action}`, entity: 'protocol', id: after.id },
    ...change(before ? projectProtocol(before) : {}, projectProtocol(after)),
    ...(reason !== undefined && { reason }),
  };
}

const projectProtocol = ({
  status,
  policy,
  phase,
  agents,
  downtimes,
}: Protocol): Record<string, unknown> => ({
  status,
  name: policy.name,
  ...(policy.phases[phase] && { phase: policy.phases[phase].name }),
  agents: agents.join(', '),
  ...(downtimes.length > 0 && { downtimes: downtimes.length }),
});
