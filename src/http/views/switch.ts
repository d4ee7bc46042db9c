/** Switches and emergency stops as the API shows them. */
import { z } from 'zod';
import { STOP_MODES, STOP_STATUSES, stopStatus, type EmergencyStop } from '../../domain/guard/emergency-stop';
import { releaseHint, SWITCH_SCOPES, switchText, type Switch } from '../../domain/guard/switch';
import { isoTime, maybeTime, shape } from '../schema';
import { iso, isoOrNull } from './time';

export const SwitchView = shape('Switch', () =>
  z.object({
    id: z.guid(),
    scope: z.enum(SWITCH_SCOPES),
    subject: z.string().nullable().describe('The id of what it holds; null for the global one.'),
    message: z.string(),
    owner: z.string().describe('Who set it, as the ledger names them.'),
    status: z.enum(['closing', 'on', 'released']),
    createdAt: isoTime,
    inForceAt: maybeTime.describe('From then on nothing that it covers is woken or sent.'),
    expiresAt: maybeTime,
    releasedAt: maybeTime,
    releasedBy: z.string().nullable(),
    text: z.string().describe('One sentence for people.'),
  }),
);

export const switchView = (s: Switch): z.infer<typeof SwitchView> => ({
  id: s.id,
  scope: s.scope,
  subject: s.scope === 'global' ? null : s.subject,
  message: s.message,
  owner: s.owner,
  status: s.releasedAt !== undefined ? 'released' : s.inForceAt === undefined ? 'closing' : 'on',
  createdAt: iso(s.createdAt),
  inForceAt: isoOrNull(s.inForceAt),
  expiresAt: isoOrNull(s.expiresAt),
  releasedAt: isoOrNull(s.releasedAt),
  releasedBy: s.releasedBy ?? null,
  text: switchText(s),
});

export const EmergencyStopView = shape('EmergencyStop', () =>
  z.object({
    id: z.guid(),
    mode: z.enum(STOP_MODES),
    message: z.string(),
    owner: z.string(),
    status: z
      .enum(STOP_STATUSES)
      .describe('`incomplete`: not everything was seen at zero in time; it is gone on with.'),
    askedAt: isoTime,
    finishedAt: maybeTime.describe('When the last capsule was seen at zero.'),
    tookMs: z.number().int().nonnegative().describe('So far, or in the end.'),
    tokensRevokedAt: maybeTime.describe('Results of attempts from before are refused with 401.'),
    runs: z.object({
      found: z.array(z.string()).describe('Had an agent at work when it was asked for.'),
      cancelled: z.array(z.string()).describe('Were cancelled; the others ended by themselves.'),
    }),
    capsules: z.array(
      z.object({
        capsuleId: z.string(),
        agentId: z.string(),
        state: z.enum(['zero', 'stopping', 'unverified']),
        running: z.union([z.number().int(), z.literal('unknown')]),
        zeroAt: maybeTime,
        error: z.string().nullable().describe('Why it could not be seen.'),
      }),
    ),
    switchId: z.guid().describe('Stays on until it is released.'),
    resume: z.string().describe('The command that lets everything go on.'),
    links: z.object({ self: z.string() }),
  }),
);

export const emergencyStopView = (stop: EmergencyStop, now: number): z.infer<typeof EmergencyStopView> => ({
  id: stop.id,
  mode: stop.mode,
  message: stop.message,
  owner: stop.owner,
  status: stopStatus(stop, now),
  askedAt: iso(stop.askedAt),
  finishedAt: isoOrNull(stop.finishedAt),
  tookMs: Math.max(0, (stop.finishedAt ?? now) - stop.askedAt),
  tokensRevokedAt: isoOrNull(stop.revokedBefore),
  runs: { found: stop.found, cancelled: stop.cancelled },
  capsules: stop.capsules.map(({ zeroAt, error, ...capsule }) => ({
    ...capsule,
    zeroAt: isoOrNull(zeroAt),
    error: error ?? null,
  })),
  switchId: stop.switchId,
  resume: releaseHint({ id: stop.switchId }),
  links: { self: `/emergency-stop/${stop.id}` },
});
