-- Protocols by which agents are trusted step by step; one may run at a time.
CREATE TABLE protocols (
  id         uuid   PRIMARY KEY,
  started_at bigint NOT NULL,
  status     text   NOT NULL,
  version    int    NOT NULL,
  protocol   jsonb  NOT NULL
);
CREATE UNIQUE INDEX protocols_running ON protocols ((true)) WHERE status = 'running';
CREATE INDEX protocols_newest ON protocols (started_at DESC, id DESC);
