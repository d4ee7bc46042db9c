-- The error of a run where it is searched for: to read it from the state, which is large, takes a look at another
-- table for each run that failed.
ALTER TABLE runs ADD COLUMN error text;
UPDATE runs SET error = state->'error'->>'message' FROM run_states WHERE run_id = id AND state ? 'error';

ALTER FUNCTION apply_run(jsonb, bigint) RENAME TO apply_run_otherwise;
CREATE FUNCTION apply_run(run jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  message text := run->'state'->'error'->>'message';
BEGIN
  PERFORM apply_run_otherwise(run, now_ms);
  IF message IS NOT NULL THEN
    UPDATE runs SET error = message WHERE id = (run->>'id')::uuid AND error IS DISTINCT FROM message;
  END IF;
END $$;
