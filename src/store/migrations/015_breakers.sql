-- Circuit breakers, one for an agent, and the rates at which agents are given work.

-- `trial`: the one attempt that a half-open breaker let through; claimed by the commit that grants it.
CREATE TABLE breakers (
  agent_id text COLLATE "C" PRIMARY KEY,
  version  int    NOT NULL DEFAULT 1,
  status   text   NOT NULL CHECK (status IN ('closed', 'open', 'half-open')),
  due_at   bigint,
  trial    jsonb,
  state    jsonb  NOT NULL
);
CREATE INDEX breakers_not_closed ON breakers (agent_id) WHERE status <> 'closed';

-- Whether nothing may be begun on an agent.
CREATE FUNCTION breaker_holds(agent text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM breakers WHERE agent_id = agent
    AND (status = 'open' OR (status = 'half-open' AND trial IS NOT NULL)))
$$;

-- How many of those who may wait for an agent its breaker leaves: all, the one it tries, or none.
CREATE FUNCTION breaker_leaves(agent text, waiting int) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT CASE WHEN status = 'open' OR trial IS NOT NULL THEN 0 ELSE least(1, waiting) END
    FROM breakers WHERE agent_id = agent AND status <> 'closed'), waiting)
$$;

-- What was admitted before there were breakers, less what they hold.
ALTER FUNCTION admissible(text, text, int) RENAME TO admissible_otherwise;
CREATE FUNCTION admissible(capsule text, agent text, waiting int) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE
  others int := admissible_otherwise(capsule, agent, waiting);
BEGIN
  IF others = 0 THEN RETURN 0; END IF;
  RETURN breaker_leaves(agent, others);
END $$;

ALTER FUNCTION check_guards(text, text) RENAME TO check_guards_otherwise;
CREATE FUNCTION check_guards(agent text, workflow text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  IF breaker_holds(agent) THEN RETURN '{"conflict": "held"}'; END IF;
  RETURN check_guards_otherwise(agent, workflow);
END $$;

-- Null if a grant may be made, after as many others of the same change to the same agent.
CREATE FUNCTION check_begin(agent text, lease jsonb, now_ms bigint, before int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  rate jsonb;
BEGIN
  IF breaker_leaves(agent, before + 1) <= before THEN RETURN '{"conflict": "held"}'; END IF;
  FOR rate IN SELECT * FROM jsonb_array_elements(lease->'rates') LOOP
    -- Whatever the grants before it in this change take is taken.
    IF flow_after_token(rate, now_ms) + flow_token_us(rate) * before
        > now_ms * 1000 + flow_token_us(rate) * (rate->>'limit')::int THEN
      RETURN '{"conflict": "held"}';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- A grant is made: it takes its tokens, and the trial of a half-open breaker.
CREATE FUNCTION apply_begin(run_uuid uuid, lease jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  rate jsonb;
BEGIN
  FOR rate IN SELECT * FROM jsonb_array_elements(lease->'rates') LOOP
    INSERT INTO flow_buckets (bucket, full_at_us) VALUES (rate->>'id', flow_after_token(rate, now_ms))
      ON CONFLICT (bucket) DO UPDATE SET full_at_us = EXCLUDED.full_at_us;
  END LOOP;
  UPDATE breakers SET version = version + 1, trial = jsonb_build_object('runId', run_uuid,
      'stepId', lease->>'stepId', 'attempt', (lease->>'attempt')::int)
    WHERE agent_id = (SELECT agent_id FROM capsules WHERE id = lease->>'capsuleId')
      AND status = 'half-open' AND trial IS NULL;
END $$;

-- Writes a breaker with its entry, unless somebody else did since `expect` (0: there is none yet). Like every
-- commit it takes the end of the ledger first: a grant claims a trial under that lock.
CREATE FUNCTION save_breaker(breaker jsonb, expect int, entry jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  written boolean;
BEGIN
  PERFORM FROM ledger_head FOR UPDATE;
  IF expect = 0 THEN
    INSERT INTO breakers (agent_id, status, due_at, trial, state)
      VALUES (breaker->>'agentId', breaker->>'status', (breaker->>'until')::bigint, breaker->'trial', breaker - 'trial')
      ON CONFLICT DO NOTHING;
  ELSE
    UPDATE breakers SET version = version + 1, status = breaker->>'status', due_at = (breaker->>'until')::bigint,
        trial = breaker->'trial', state = breaker - 'trial'
      WHERE agent_id = breaker->>'agentId' AND version = expect;
  END IF;
  written := FOUND;
  IF written AND entry IS NOT NULL THEN PERFORM commit_changes(jsonb_build_array(entry)); END IF;
  RETURN written;
END $$;
