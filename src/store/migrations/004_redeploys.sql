-- Which request to redeploy became which build of the platform.
CREATE TABLE redeploys (
  id            uuid    PRIMARY KEY,
  agent_id      text    NOT NULL,
  key           text    NOT NULL,
  fingerprint   text    NOT NULL,
  asked_at      bigint  NOT NULL,
  newest_before text,
  build_id      text,
  open          boolean NOT NULL DEFAULT true,
  UNIQUE (agent_id, key)
);
-- One request at a time asks the platform for a build of an agent.
CREATE UNIQUE INDEX redeploys_open ON redeploys (agent_id) WHERE open;
CREATE INDEX redeploys_age ON redeploys (asked_at);
