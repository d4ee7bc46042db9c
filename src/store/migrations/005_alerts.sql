-- What people should know of. While an alert is open, there is one for its kind and subject.
CREATE TABLE alerts (
  id              uuid   PRIMARY KEY,
  kind            text   NOT NULL,
  subject         text   NOT NULL,
  message         text   NOT NULL,
  raised_at       bigint NOT NULL,
  last_seen_at    bigint NOT NULL,
  count           int    NOT NULL DEFAULT 1,
  resolved_at     bigint,
  resolution      text,
  acknowledged_at bigint,
  acknowledged_by text
);
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_of ON alerts (kind, subject);
CREATE INDEX alerts_newest ON alerts (raised_at DESC, id DESC);
