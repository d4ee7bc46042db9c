/** Messages to people as the API shows them. */
import { z } from 'zod';
import { CHANNEL_NAMES, SEVERITIES } from '../../domain/notification';
import type { TestOutcome } from '../../notify';
import type { NotificationRecord } from '../../store/notifications';
import { isoTime, maybeTime, shape } from '../schema';
import { iso, isoOrNull } from './time';

export const NotificationView = shape('Notification', () =>
  z.object({
    id: z.guid(),
    channel: z.enum(CHANNEL_NAMES),
    kind: z.string().describe("An alert's kind, or what else it is about."),
    severity: z.enum(SEVERITIES),
    title: z.string(),
    text: z.string(),
    status: z.enum(['waiting', 'sent', 'failed']),
    tries: z.number().int(),
    error: z.string().nullable().describe('Why the last try failed.'),
    createdAt: isoTime,
    nextTryAt: maybeTime.describe('Null once it is told or given up.'),
    doneAt: maybeTime,
  }),
);

export const notificationView = (row: NotificationRecord): z.infer<typeof NotificationView> => ({
  id: row.id,
  channel: row.channel,
  kind: row.message.kind,
  severity: row.message.severity,
  title: row.message.title,
  text: row.message.text,
  status: row.outcome ?? 'waiting',
  tries: row.tries,
  error: row.error ?? null,
  createdAt: iso(row.at),
  nextTryAt: row.outcome === undefined ? iso(row.dueAt) : null,
  doneAt: isoOrNull(row.doneAt),
});

export const NotifyTestView = shape('NotifyTest', () =>
  z.object({
    items: z.array(
      z.object({
        channel: z.enum(CHANNEL_NAMES),
        ok: z.boolean(),
        error: z.string().nullable(),
        ms: z.number().describe('How long it took.'),
      }),
    ),
  }),
);

export const testView = (outcomes: readonly TestOutcome[]): z.infer<typeof NotifyTestView> => ({
  items: outcomes.map(({ channel, ok, error, ms }) => ({ channel, ok, error: error ?? null, ms })),
});
