/** Kill switches: what somebody turned off, why, and how it is turned on again. Pure. */
import type { LedgerEntry } from '../ledger';

export const SWITCH_SCOPES = ['global', 'agent', 'workflow', 'environment'] as const;
export type SwitchScope = (typeof SWITCH_SCOPES)[number];

/** Longer messages are refused: they are shown beside everything that the switch holds. */
export const MAX_SWITCH_MESSAGE = 500;

export interface Switch {
  id: string;
  scope: SwitchScope;
  /** The id of what it holds; empty for the global one. */
  subject: string;
  message: string;
  /** Who set it, as the ledger names them. */
  owner: string;
  createdAt: number;
  /** Released by itself then. */
  expiresAt?: number;
  /** From then on nothing is woken or sent. Unset for the moment in which what was permitted before ends. */
  inForceAt?: number;
  releasedAt?: number;
  /** Who released it; `expiry` when its time was over. */
  releasedBy?: string;
}

/** What is about to be woken or sent. */
export interface GuardScope {
  agentId?: string | undefined;
  workflowId?: string | undefined;
  environment?: string | undefined;
}

export const EXPIRY = 'expiry';

/** Whether a switch, while it is on, holds something. */
export function covers({ scope, subject }: Pick<Switch, 'scope' | 'subject'>, of: GuardScope): boolean {
  switch (scope) {
    case 'global':
      return true;
    case 'agent':
      return subject === of.agentId;
    case 'workflow':
      return subject === of.workflowId;
    case 'environment':
      return subject === of.environment;
  }
}

/** The switch that holds something: the one that was set first, so that everybody names the same. */
export function switchOver(on: readonly Switch[], of: GuardScope): Switch | undefined {
  const over = on.filter((s) => s.releasedAt === undefined && covers(s, of));
  return over.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))[0];
}

/** `workflow audit`, or `everything`. */
export const switchSubject = ({ scope, subject }: Pick<Switch, 'scope' | 'subject'>): string =>
  scope === 'global' ? 'everything' : `${scope} ${subject}`;

/** The command that releases a switch. */
export const releaseHint = ({ id }: Pick<Switch, 'id'>): string => `reveille resume --switch ${id}`;

/** One sentence: what is off, who says so, and how it goes on. */
export function switchText(s: Switch): string {
  const until =
    s.expiresAt === undefined ? '' : `, until ${new Date(s.expiresAt).toISOString()} at the latest`;
  return `${switchSubject(s)} is switched off by ${s.owner} ("${s.message}")${until}; ${releaseHint(s)} releases it`;
}

/** What the ledger tells of a switch. */
export const projectSwitch = (s: Switch): Record<string, unknown> => ({
  scope: s.scope,
  subject: s.subject,
  message: s.message,
  owner: s.owner,
  status: s.releasedAt !== undefined ? 'released' : s.inForceAt === undefined ? 'closing' : 'on',
  ...(s.expiresAt !== undefined && { expiresAt: s.expiresAt }),
});

/**
 * `closing`: nothing new is admitted; `set`: what had been permitted before has begun or will not, so nothing is
 * woken or sent after this entry.
 */
export type SwitchChange = 'closing' | 'set' | 'released' | 'expired';

const STATUS: Record<SwitchChange, string> = {
  closing: 'closing',
  set: 'on',
  released: 'released',
  expired: 'released',
};

export function switchEntry(
  change: SwitchChange,
  s: Switch,
  { at, actor, reason }: Pick<LedgerEntry, 'at' | 'actor'> & { reason?: string },
): LedgerEntry {
  return {
    at,
    actor,
    action: `switch.${change}`,
    entity: 'switch',
    id: s.id,
    set: change === 'closing' ? projectSwitch(s) : { status: STATUS[change] },
    ...(change !== 'closing' && { was: { status: projectSwitch(s)['status'] } }),
    reason: reason ?? s.message,
  };
}
