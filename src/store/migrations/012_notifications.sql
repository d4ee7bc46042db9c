-- Messages to people that wait to be told: one row for each message and channel, written with what it tells of.
CREATE TABLE notifications (
  id         uuid   PRIMARY KEY,
  -- The order in which they came; what is said of one thing is told in this order.
  seq        bigint GENERATED ALWAYS AS IDENTITY,
  channel    text   NOT NULL,
  key        text   NOT NULL,
  thread     text   NOT NULL,
  message    jsonb  NOT NULL,
  created_at bigint NOT NULL,
  -- Not to be tried before; while one process is at it, the end of its claim.
  due_at     bigint NOT NULL,
  deadline   bigint NOT NULL,
  tries      int    NOT NULL DEFAULT 0,
  -- Told, or given up.
  done_at    bigint,
  outcome    text CHECK (outcome IN ('sent', 'failed')),
  error      text,
  UNIQUE (key, channel)
);
CREATE INDEX notifications_due ON notifications (due_at) WHERE done_at IS NULL;
CREATE INDEX notifications_threads ON notifications (channel, thread, seq) WHERE done_at IS NULL;
CREATE INDEX notifications_done ON notifications (done_at) WHERE done_at IS NOT NULL;

-- Adds messages; those whose key is known to their channel are left out. Answers how many were added.
CREATE FUNCTION add_notifications(rows jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE added int;
BEGIN
  INSERT INTO notifications (id, channel, key, thread, message, created_at, due_at, deadline)
  SELECT (r ->> 'id')::uuid, r ->> 'channel', r ->> 'key', r ->> 'thread', r -> 'message',
         (r ->> 'at')::bigint, (r ->> 'at')::bigint, (r ->> 'deadline')::bigint
    FROM jsonb_array_elements(rows) WITH ORDINALITY AS e (r, n) ORDER BY n
  ON CONFLICT (key, channel) DO NOTHING;
  GET DIAGNOSTICS added = ROW_COUNT;
  RETURN added;
END $$;
