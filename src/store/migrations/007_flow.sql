-- Flow control: the places that runs take while they are under way, and the lines in which they wait.
-- A run with a flow in its state asks at its start, in commit_changes, so that no two orchestrators give
-- the last place away twice. When the run is over its rows go.

CREATE TABLE flow_runs (
  run_id      uuid   PRIMARY KEY,
  workflow_id text COLLATE "C" NOT NULL,
  priority    int    NOT NULL,
  -- Runs of one turn are one line; the lines of a workflow take turns.
  turn        text COLLATE "C" NOT NULL,
  created_at  bigint NOT NULL,
  not_before  bigint NOT NULL,
  debounce    text,
  started     boolean NOT NULL
);
CREATE INDEX flow_queue ON flow_runs (workflow_id, priority DESC, turn, created_at, run_id) WHERE NOT started;
CREATE INDEX flow_put_off ON flow_runs (debounce, created_at, run_id) WHERE NOT started AND debounce IS NOT NULL;

CREATE TABLE flow_gates (
  gate       text COLLATE "C" NOT NULL,
  run_id     uuid    NOT NULL,
  created_at bigint  NOT NULL,
  started    boolean NOT NULL,
  PRIMARY KEY (gate, run_id)
);
CREATE INDEX flow_gates_held ON flow_gates (gate) WHERE started;
CREATE INDEX flow_gates_run ON flow_gates (run_id);

-- Which line was served when, as a count.
CREATE TABLE flow_turns (
  workflow_id text COLLATE "C" NOT NULL,
  turn        text COLLATE "C" NOT NULL,
  served      bigint NOT NULL,
  at          bigint NOT NULL,
  PRIMARY KEY (workflow_id, turn)
);
CREATE INDEX flow_turns_last ON flow_turns (workflow_id, served);

-- A bucket of tokens is the time at which it will be full: epoch microseconds.
CREATE TABLE flow_buckets (
  bucket     text COLLATE "C" PRIMARY KEY,
  full_at_us bigint NOT NULL
);

-- Keys that stand for the run that came with them first, until a time.
CREATE TABLE flow_keys (
  scope  text   NOT NULL,
  key    text   NOT NULL,
  until  bigint NOT NULL,
  run_id uuid   NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX flow_keys_until ON flow_keys (until);

-- Whether a commit starts this run, which has not been under way before.
CREATE FUNCTION flow_starts(run jsonb) RETURNS boolean LANGUAGE sql AS $$
  SELECT run->'state'->>'status' = 'running' AND ((run->>'expect')::int = 0
    OR EXISTS (SELECT FROM flow_runs WHERE run_id = (run->>'id')::uuid AND NOT started))
$$;

-- Microseconds that one token takes to come.
CREATE FUNCTION flow_token_us(rate jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT ceil((rate->>'perMs')::numeric * 1000 / (rate->>'limit')::int)::bigint
$$;

CREATE FUNCTION flow_after_token(rate jsonb, now_ms bigint) RETURNS bigint LANGUAGE sql AS $$
  SELECT greatest(coalesce((SELECT full_at_us FROM flow_buckets WHERE bucket = rate->>'id'), 0), now_ms * 1000)
    + flow_token_us(rate)
$$;

-- Null if the run may start now.
CREATE FUNCTION check_flow(run jsonb, now_ms bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  flow jsonb := run->'state'->'flow';
  rate jsonb := flow->'rate';
BEGIN
  IF NOT flow_starts(run) THEN RETURN NULL; END IF;
  IF (flow->>'notBefore')::bigint > now_ms
      OR EXISTS (SELECT FROM jsonb_array_elements(flow->'gates') g
        WHERE (SELECT count(*) FROM flow_gates f WHERE f.gate = g->>'id' AND f.started) >= (g->>'limit')::int)
      OR flow_after_token(rate, now_ms) > now_ms * 1000 + flow_token_us(rate) * (rate->>'limit')::int THEN
    RETURN '{"conflict": "flow"}';
  END IF;
  RETURN NULL;
END $$;

-- Before the run's own row changes: whether it starts is judged by what is there.
CREATE FUNCTION apply_flow(run jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  run_uuid uuid := (run->>'id')::uuid;
  next     jsonb := run->'state';
  flow     jsonb := next->'flow';
  workflow text := next->>'workflowId';
  starts   boolean := flow_starts(run);
BEGIN
  IF next->>'status' NOT IN ('queued', 'running') THEN
    DELETE FROM flow_runs WHERE run_id = run_uuid;
    DELETE FROM flow_gates WHERE run_id = run_uuid;
    RETURN;
  END IF;
  IF (run->>'expect')::int = 0 THEN
    INSERT INTO flow_runs (run_id, workflow_id, priority, turn, created_at, not_before, debounce, started)
    VALUES (run_uuid, workflow, coalesce((next->>'priority')::int, 0), flow->>'turn',
      (next->>'createdAt')::bigint, coalesce((flow->>'notBefore')::bigint, 0), flow->'debounce'->>'key', starts);
    INSERT INTO flow_gates (gate, run_id, created_at, started)
      SELECT g->>'id', run_uuid, (next->>'createdAt')::bigint, starts FROM jsonb_array_elements(flow->'gates') g;
  ELSIF starts THEN
    UPDATE flow_runs SET started = true WHERE run_id = run_uuid;
    UPDATE flow_gates SET started = true WHERE run_id = run_uuid;
  END IF;
  IF NOT starts THEN RETURN; END IF;
  INSERT INTO flow_turns AS t (workflow_id, turn, served, at)
    VALUES (workflow, flow->>'turn',
      (SELECT coalesce(max(served), 0) + 1 FROM flow_turns WHERE workflow_id = workflow), now_ms)
    ON CONFLICT (workflow_id, turn) DO UPDATE SET served = EXCLUDED.served, at = EXCLUDED.at;
  IF flow ? 'rate' THEN
    INSERT INTO flow_buckets (bucket, full_at_us)
      VALUES (flow->'rate'->>'id', flow_after_token(flow->'rate', now_ms))
      ON CONFLICT (bucket) DO UPDATE SET full_at_us = EXCLUDED.full_at_us;
  END IF;
END $$;

CREATE FUNCTION check_duplicate(key_of jsonb, now_ms bigint) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('conflict', 'duplicate', 'existing', jsonb_build_object('runId', run_id, 'fingerprint', ''))
    FROM flow_keys WHERE scope = key_of->>'scope' AND key = key_of->>'key' AND until > now_ms
$$;

CREATE FUNCTION apply_duplicate(key_of jsonb, run_uuid uuid) RETURNS void LANGUAGE sql AS $$
  INSERT INTO flow_keys (scope, key, until, run_id)
    VALUES (key_of->>'scope', key_of->>'key', (key_of->>'until')::bigint, run_uuid)
    ON CONFLICT (scope, key) DO UPDATE SET until = EXCLUDED.until, run_id = EXCLUDED.run_id;
$$;
