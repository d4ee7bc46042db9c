-- What the stages of the validation pipeline came to, one row each time; the newest of a stage counts.
CREATE TABLE release_verdicts (
  id         uuid   PRIMARY KEY,
  release_id text   NOT NULL,
  stage      text   NOT NULL,
  at         bigint NOT NULL,
  verdict    jsonb  NOT NULL
);
CREATE INDEX release_verdicts_newest ON release_verdicts (release_id, at DESC, id DESC);
