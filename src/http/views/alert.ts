/** Alerts as the API shows them. */
import { z } from 'zod';
import { ALERT_KINDS, type Alert, type AlertKind } from '../../domain/alert';
import { isoTime, maybeTime, shape } from '../schema';
import { iso, isoOrNull } from './time';

export const AlertView = shape('Alert', () =>
  z.object({
    id: z.guid(),
    kind: z.enum(Object.keys(ALERT_KINDS) as [AlertKind, ...AlertKind[]]),
    subject: z.string().describe('Which one of its kind: a workflow, a scheduled time.'),
    message: z.string().describe('What is wrong and what to do.'),
    raisedAt: isoTime,
    lastSeenAt: isoTime,
    count: z.number().int().describe('How often it was seen while open.'),
    resolvedAt: maybeTime.describe('Null while it is open.'),
    resolution: z.string().nullable().describe('What ended it.'),
    acknowledgedAt: maybeTime,
    acknowledgedBy: z.string().nullable().describe('Who saw it first.'),
    links: z.object({ acknowledge: z.string().nullable().describe('Null once somebody has.') }),
  }),
);

export const alertView = (alert: Alert): z.infer<typeof AlertView> => ({
  id: alert.id,
  kind: alert.kind,
  subject: alert.subject,
  message: alert.message,
  raisedAt: iso(alert.raisedAt),
  lastSeenAt: iso(alert.lastSeenAt),
  count: alert.count,
  resolvedAt: isoOrNull(alert.resolvedAt),
  resolution: alert.resolution ?? null,
  acknowledgedAt: isoOrNull(alert.acknowledgedAt),
  acknowledgedBy: alert.acknowledgedBy ?? null,
  links: { acknowledge: alert.acknowledgedAt === undefined ? `/alerts/${alert.id}/acknowledge` : null },
});
