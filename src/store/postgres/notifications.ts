import type { Pool, QueryResultRow } from 'pg';
import type { ChannelName, Notification, OutboxRow } from '../../domain/notification';
import { decodeCursor, toPage } from '../cursor';
import { storableJson } from '../json';
import { storableText } from '../alerts';
import type {
  Backlog,
  ClaimedNotification,
  NotificationOutcome,
  NotificationRecord,
  NotificationStore,
} from '../notifications';
import type { Page } from '../store';
import { changeChained } from './chained';

interface Row extends QueryResultRow {
  id: string;
  seq: number;
  channel: ChannelName;
  key: string;
  thread: string;
  message: Notification;
  created_at: number;
  due_at: number;
  deadline: number;
  tries: number;
  done_at: number | null;
  outcome: 'sent' | 'failed' | null;
  error: string | null;
}

/** Messages to people that wait to be told. */
export class NotificationQueries {
  constructor(private readonly pool: Pool) {}

  store(): NotificationStore {
    return {
      addNotifications: (rows) => this.add(rows),
      claimNotifications: (now, until, limit, channels) => this.claim(now, until, limit, channels),
      settleNotification: (id, tries, outcome) => this.settle(id, tries, outcome),
      notificationBacklog: () => this.backlog(),
      notifications: (filter, limit, cursor) => this.list(filter, limit, cursor),
      purgeNotifications: (before, limit) => this.purge(before, limit),
    };
  }

  private async add(rows: readonly OutboxRow[]): Promise<number> {
    if (rows.length === 0) return 0;
    const { rows: answer } = await this.pool.query<{ added: number }>(
      'SELECT add_notifications($1::jsonb) AS added',
      [storableJson(rows)],
    );
    return answer[0]?.added ?? 0;
  }

  private async claim(now: number, until: number, limit: number, channels: readonly ChannelName[]) {
    const { rows } = await this.pool.query<Row>(
      `WITH mine AS (
         SELECT n.id FROM notifications n
          WHERE n.done_at IS NULL AND n.due_at <= $1 AND n.channel = ANY ($4::text[])
            AND NOT EXISTS (SELECT FROM notifications e
                             WHERE e.done_at IS NULL AND e.channel = n.channel AND e.thread = n.thread AND e.seq < n.seq)
          ORDER BY n.seq LIMIT $3 FOR UPDATE SKIP LOCKED)
       UPDATE notifications n SET due_at = $2, tries = tries + 1 FROM mine WHERE n.id = mine.id
       RETURNING n.*`,
      [now, until, limit, channels],
    );
    return rows.sort((a, b) => a.seq - b.seq).map(toClaimed);
  }

  private async settle(id: string, tries: number, outcome: NotificationOutcome): Promise<boolean> {
    if (outcome.kind === 'failed') return this.fail(id, tries, outcome);
    const { rowCount } =
      outcome.kind === 'sent'
        ? await this.pool.query(
            `UPDATE notifications SET done_at = $2, outcome = 'sent', error = NULL WHERE id = $1 AND done_at IS NULL`,
            [id, outcome.at],
          )
        : await this.pool.query(
            'UPDATE notifications SET due_at = $3, error = $4 WHERE id = $1 AND tries = $2 AND done_at IS NULL',
            [id, tries, outcome.dueAt, storableText(outcome.error)],
          );
    return rowCount === 1;
  }

  private async fail(
    id: string,
    tries: number,
    { at, error, entry }: Extract<NotificationOutcome, { kind: 'failed' }>,
  ): Promise<boolean> {
    const row = await changeChained<Row>(
      this.pool,
      'what became of a message',
      [
        `UPDATE notifications SET done_at = $3, outcome = 'failed', error = $4
          WHERE id = $1 AND tries = $2 AND done_at IS NULL RETURNING *`,
        [id, tries, at, storableText(error)],
      ],
      () => entry,
    );
    return row !== undefined;
  }

  private async backlog(): Promise<Backlog[]> {
    const { rows } = await this.pool.query<Backlog & QueryResultRow>(
      `SELECT channel, count(*)::int AS waiting, min(created_at) AS "oldestAt",
              count(*) FILTER (WHERE error IS NOT NULL)::int AS tried
         FROM notifications WHERE done_at IS NULL GROUP BY channel ORDER BY channel`,
    );
    return rows;
  }

  private async list(
    { waiting }: { waiting?: boolean },
    limit: number,
    cursor?: string,
  ): Promise<Page<NotificationRecord>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM notifications
        WHERE ($1::boolean IS NULL OR (done_at IS NULL) = $1)
          AND ($2::bigint IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [waiting ?? null, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(rows.map(toRecord), limit, ({ at, id }) => ({ at, id }));
  }

  private async purge(before: number, limit: number): Promise<number> {
    const { rowCount } = await this.pool.query(
      `DELETE FROM notifications WHERE id IN
         (SELECT id FROM notifications WHERE done_at < $1 ORDER BY done_at LIMIT $2)`,
      [before, limit],
    );
    return rowCount ?? 0;
  }
}

const toClaimed = (row: Row): ClaimedNotification => {
  const { id, channel, key, thread, message, deadline, tries } = row;
  return { id, channel, key, thread, message, deadline, tries, at: row.created_at };
};

const toRecord = (row: Row): NotificationRecord => ({
  ...toClaimed(row),
  dueAt: row.due_at,
  ...(row.outcome !== null && { outcome: row.outcome }),
  ...(row.done_at !== null && { doneAt: row.done_at }),
  ...(row.error !== null && { error: row.error }),
});
