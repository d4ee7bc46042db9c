-- What agents delivered, as it came, less its secrets: for people who write agents. Kept for a day, and
-- nothing of a run depends on it.
CREATE TABLE inbox_deliveries (
  id          uuid    PRIMARY KEY,
  bin         text    NOT NULL,
  received_at bigint  NOT NULL,
  verdict     text    NOT NULL,
  -- It came with the token of an attempt. Kept apart from what anybody can send, see the quota.
  proved      boolean NOT NULL,
  summary     jsonb   NOT NULL,
  headers     jsonb   NOT NULL,
  body        bytea   NOT NULL
);
CREATE INDEX inbox_deliveries_newest ON inbox_deliveries (received_at DESC, id DESC);
CREATE INDEX inbox_deliveries_by_bin ON inbox_deliveries (bin, received_at DESC, id DESC);
