-- Runs that are started again together: which ones is settled when the replay is asked for, and what became
-- of each is added in that order, so that anybody can go on where somebody stopped.
CREATE TABLE replays (
  id            uuid   PRIMARY KEY,
  -- The idempotency key, or the id where the request had none.
  key           text   NOT NULL UNIQUE,
  fingerprint   text   NOT NULL,
  actor         text   NOT NULL,
  created_at    bigint NOT NULL,
  finished_at   bigint,
  -- Until then somebody works on it.
  claimed_until bigint NOT NULL DEFAULT 0,
  request       jsonb  NOT NULL,
  run_ids       jsonb  NOT NULL,
  outcomes      jsonb  NOT NULL DEFAULT '[]'
);
CREATE INDEX replays_open ON replays (created_at) WHERE finished_at IS NULL;
CREATE INDEX replays_age ON replays (created_at);
