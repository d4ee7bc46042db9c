-- What shifts and models cost. A shift is booked once it is closed and nobody holds a lease of it: its
-- seconds are divided among the steps that worked in it, and added to totals that outlive the runs.
-- Money is whole numbers of nano-dollars ÷ 3,600,000 (see domain/cost/money.ts).

-- When each lease was held, from its release until its shift is booked.
CREATE TABLE lease_times (
  capsule_id   text COLLATE "C" NOT NULL,
  generation   int    NOT NULL,
  run_id       uuid   NOT NULL,
  step_id      text   NOT NULL,
  attempt      int    NOT NULL,
  requested_at bigint NOT NULL,
  granted_at   bigint NOT NULL,
  released_at  bigint NOT NULL
);
CREATE INDEX lease_times_of_shift ON lease_times (capsule_id, generation);

ALTER TABLE shifts ADD COLUMN booked boolean NOT NULL DEFAULT false;
CREATE INDEX shifts_unbooked ON shifts (requested_at) WHERE NOT booked;

-- Replicas that ran although their capsule should have been asleep. At most one of a capsule is open.
CREATE TABLE strays (
  capsule_id text COLLATE "C" NOT NULL,
  agent_id   text   NOT NULL,
  replicas   int    NOT NULL,
  since      bigint NOT NULL,
  found_at   bigint NOT NULL,
  ended_at   bigint,
  PRIMARY KEY (capsule_id, found_at)
);
CREATE UNIQUE INDEX strays_open ON strays (capsule_id) WHERE ended_at IS NULL;
CREATE INDEX strays_newest ON strays (found_at DESC, capsule_id);

-- Results that report usage of models, until it is booked. Results without pay nothing for it.
CREATE TABLE usage_due (
  run_id      uuid    NOT NULL,
  step_id     text    NOT NULL,
  attempt     int     NOT NULL,
  counted     boolean NOT NULL,
  received_at bigint  NOT NULL,
  PRIMARY KEY (run_id, step_id, attempt, counted)
);
CREATE INDEX usage_due_oldest ON usage_due (received_at);

CREATE FUNCTION note_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO usage_due (run_id, step_id, attempt, counted, received_at)
  VALUES (NEW.run_id, NEW.step_id, NEW.attempt, NEW.counted, NEW.received_at) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER step_results_usage AFTER INSERT ON step_results FOR EACH ROW
  WHEN (NEW.result ? 'usage') EXECUTE FUNCTION note_usage();

-- An empty model: the capsule's costs.
CREATE TABLE step_costs (
  run_id  uuid NOT NULL,
  step_id text NOT NULL,
  model   text NOT NULL,
  boot_ms bigint NOT NULL, prewarm_ms bigint NOT NULL, work_ms bigint NOT NULL,
  linger_ms bigint NOT NULL, drain_ms bigint NOT NULL, wasted_ms bigint NOT NULL, unpriced_ms bigint NOT NULL,
  input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, cache_read_tokens bigint NOT NULL,
  capsule_cost numeric(38, 0) NOT NULL, model_cost numeric(38, 0) NOT NULL,
  PRIMARY KEY (run_id, step_id, model)
);

-- By quarters of an hour, of which the days of any time zone can be made. No workflow: nobody's seconds.
CREATE TABLE cost_totals (
  quarter     bigint NOT NULL,
  workflow_id text   NOT NULL,
  agent_id    text   NOT NULL,
  model       text   NOT NULL,
  boot_ms bigint NOT NULL, prewarm_ms bigint NOT NULL, work_ms bigint NOT NULL,
  linger_ms bigint NOT NULL, drain_ms bigint NOT NULL, wasted_ms bigint NOT NULL, unpriced_ms bigint NOT NULL,
  input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, cache_read_tokens bigint NOT NULL,
  capsule_cost numeric(38, 0) NOT NULL, model_cost numeric(38, 0) NOT NULL,
  PRIMARY KEY (quarter, workflow_id, agent_id, model)
);

-- Adds lines to those of the same key. Steps whose run is gone by now keep none.
CREATE FUNCTION add_costs(booking jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO step_costs AS known
    SELECT f.* FROM jsonb_populate_recordset(NULL::step_costs, booking->'steps') f
      WHERE EXISTS (SELECT FROM runs WHERE id = f.run_id) ORDER BY f.run_id, f.step_id, f.model
  ON CONFLICT (run_id, step_id, model) DO UPDATE SET
    boot_ms = known.boot_ms + EXCLUDED.boot_ms, prewarm_ms = known.prewarm_ms + EXCLUDED.prewarm_ms,
    work_ms = known.work_ms + EXCLUDED.work_ms, linger_ms = known.linger_ms + EXCLUDED.linger_ms,
    drain_ms = known.drain_ms + EXCLUDED.drain_ms, wasted_ms = known.wasted_ms + EXCLUDED.wasted_ms,
    unpriced_ms = known.unpriced_ms + EXCLUDED.unpriced_ms,
    input_tokens = known.input_tokens + EXCLUDED.input_tokens,
    output_tokens = known.output_tokens + EXCLUDED.output_tokens,
    cache_read_tokens = known.cache_read_tokens + EXCLUDED.cache_read_tokens,
    capsule_cost = known.capsule_cost + EXCLUDED.capsule_cost, model_cost = known.model_cost + EXCLUDED.model_cost;
  INSERT INTO cost_totals AS known
    SELECT f.* FROM jsonb_populate_recordset(NULL::cost_totals, booking->'totals') f
      ORDER BY f.quarter, f.workflow_id, f.agent_id, f.model
  ON CONFLICT (quarter, workflow_id, agent_id, model) DO UPDATE SET
    boot_ms = known.boot_ms + EXCLUDED.boot_ms, prewarm_ms = known.prewarm_ms + EXCLUDED.prewarm_ms,
    work_ms = known.work_ms + EXCLUDED.work_ms, linger_ms = known.linger_ms + EXCLUDED.linger_ms,
    drain_ms = known.drain_ms + EXCLUDED.drain_ms, wasted_ms = known.wasted_ms + EXCLUDED.wasted_ms,
    unpriced_ms = known.unpriced_ms + EXCLUDED.unpriced_ms,
    input_tokens = known.input_tokens + EXCLUDED.input_tokens,
    output_tokens = known.output_tokens + EXCLUDED.output_tokens,
    cache_read_tokens = known.cache_read_tokens + EXCLUDED.cache_read_tokens,
    capsule_cost = known.capsule_cost + EXCLUDED.capsule_cost, model_cost = known.model_cost + EXCLUDED.model_cost;
END $$;

-- Marks and books in one: whoever comes second finds the mark. Answers whether it was booked now.
CREATE FUNCTION book_shift(capsule text, gen int, booking jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE shifts SET booked = true WHERE capsule_id = capsule AND generation = gen AND NOT booked;
  IF NOT FOUND THEN RETURN false; END IF;
  DELETE FROM lease_times WHERE capsule_id = capsule AND generation = gen;
  PERFORM add_costs(booking);
  RETURN true;
END $$;

CREATE FUNCTION book_usage(run uuid, step text, nth int, is_counted boolean, booking jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM usage_due WHERE run_id = run AND step_id = step AND attempt = nth AND counted = is_counted;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM add_costs(booking);
  RETURN true;
END $$;

CREATE FUNCTION book_stray(capsule text, found_ms bigint, ended_ms bigint, booking jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE strays SET ended_at = ended_ms
    WHERE capsule_id = capsule AND found_at = found_ms AND ended_at IS NULL;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM add_costs(booking);
  RETURN true;
END $$;
