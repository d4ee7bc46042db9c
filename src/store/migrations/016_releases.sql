-- What a release is made of, by the SHA-256 of its content: the same prompt in a hundred releases is kept once.
CREATE TABLE release_parts (
  sha256  text  PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  content bytea NOT NULL
);

CREATE TABLE releases (
  id         text   PRIMARY KEY CHECK (id ~ '^[0-9a-f]{64}$'),
  agent_id   text   COLLATE "C" NOT NULL,
  parent     text,
  manifest   jsonb  NOT NULL,
  created_at bigint NOT NULL,
  created_by text   NOT NULL
);
CREATE INDEX releases_newest ON releases (created_at DESC, id DESC);
CREATE INDEX releases_by_agent ON releases (agent_id, created_at DESC, id DESC);

-- A release is what it was when it was approved, whoever asks for something else.
CREATE FUNCTION refuse_release_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a release never changes: make a new one';
END $$;
CREATE TRIGGER releases_immutable BEFORE UPDATE ON releases
  FOR EACH ROW EXECUTE FUNCTION refuse_release_change();
CREATE TRIGGER release_parts_immutable BEFORE UPDATE ON release_parts
  FOR EACH ROW EXECUTE FUNCTION refuse_release_change();

-- The pointers of an agent's environments. Whoever writes names the fence it has read.
CREATE TABLE environments (
  agent_id text  COLLATE "C" NOT NULL,
  name     text  COLLATE "C" NOT NULL,
  fence    int   NOT NULL,
  state    jsonb NOT NULL,
  PRIMARY KEY (agent_id, name)
);

-- Attempts to move a pointer; one at a time for each environment.
CREATE TABLE rollouts (
  id          uuid   PRIMARY KEY,
  agent_id    text   NOT NULL,
  environment text   NOT NULL,
  status      text   NOT NULL,
  version     int    NOT NULL,
  created_at  bigint NOT NULL,
  state       jsonb  NOT NULL
);
CREATE INDEX rollouts_newest ON rollouts (created_at DESC, id DESC);
CREATE UNIQUE INDEX rollouts_open ON rollouts (agent_id, environment) WHERE status NOT IN ('done', 'rolled-back');

-- Which release did a piece of work, and from what: kept longer than the payloads themselves.
CREATE TABLE release_work (
  run_id     uuid   NOT NULL,
  step_id    text   NOT NULL,
  attempt    int    NOT NULL,
  agent_id   text   NOT NULL,
  release_id text   NOT NULL,
  input_hash text   NOT NULL,
  at         bigint NOT NULL,
  -- A copy of work, for a comparison.
  shadow     boolean NOT NULL,
  -- How it ended; null while it is under way.
  ended      jsonb,
  PRIMARY KEY (run_id, step_id, attempt)
);
CREATE INDEX release_work_open ON release_work (at) WHERE ended IS NULL;
CREATE INDEX release_work_newest ON release_work (release_id, at DESC, run_id DESC);
