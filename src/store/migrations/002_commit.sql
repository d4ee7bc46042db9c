-- The rules of a commit, for one change: it is checked first and then written, or reported with the race it lost.
-- Those who call these hold the end of the ledger (commit_changes).

-- Null if the change may be written. `gated`: a switch is on or a breaker not closed, or else no grant has to be
-- held against them; `budgeted`: there are budgets.
CREATE FUNCTION check_change(change jsonb, gated boolean, budgeted boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  run     jsonb := change->'run';
  capsule jsonb := change->'capsule';
  tick    jsonb := change->'tick';
  idem    jsonb := change->'idempotencyKey';
  verdict jsonb;
  known   record;
BEGIN
  IF idem IS NOT NULL THEN
    SELECT run_id, fingerprint INTO known FROM idempotency_keys
      WHERE scope = idem->>'scope' AND key = idem->>'key';
    IF FOUND THEN
      RETURN jsonb_build_object('conflict', 'idempotency', 'existing',
        jsonb_build_object('runId', known.run_id, 'fingerprint', known.fingerprint));
    END IF;
  END IF;
  IF change ? 'deduplicate' THEN
    verdict := check_duplicate(change->'deduplicate', (change->>'at')::bigint);
    IF verdict IS NOT NULL THEN RETURN verdict; END IF;
  END IF;
  IF tick IS NOT NULL AND EXISTS (SELECT FROM ticks
      WHERE workflow_id = tick->>'workflowId' AND scheduled_for = (tick->>'scheduledFor')::bigint) THEN
    RETURN '{"conflict": "tick"}';
  END IF;
  IF run IS NOT NULL AND coalesce((SELECT version FROM run_states WHERE run_id = (run->>'id')::uuid), 0)
      <> (run->>'expect')::int THEN
    RETURN '{"conflict": "run"}';
  END IF;
  IF run->'state' ? 'flow' THEN
    verdict := check_flow(run, (change->>'at')::bigint);
    IF verdict IS NOT NULL THEN RETURN verdict; END IF;
  END IF;
  IF capsule IS NOT NULL THEN
    SELECT c.version, c.generation, c.agent_id, a.held, admissible(c.id, c.agent_id, a.waiting) AS waiting,
        a.waiting > 0 AS wanted INTO known
      FROM capsules c JOIN capsule_activity a ON a.capsule_id = c.id WHERE c.id = capsule->>'id';
    IF NOT FOUND OR known.version <> (capsule->>'expect')::int THEN
      RETURN '{"conflict": "capsule"}';
    END IF;
    IF (capsule->'state'->>'generation')::int > known.generation THEN
      verdict := check_guards(known.agent_id, capsule->>'workflowId');
      IF verdict IS NOT NULL THEN RETURN verdict; END IF;
      IF known.wanted AND known.waiting = 0 AND NOT capsule ? 'workflowId' THEN RETURN '{"conflict": "held"}'; END IF;
    END IF;
    IF (capsule ? 'unless' AND known.held > 0)
        OR (capsule->>'unless' = 'held-or-waiting' AND known.waiting > 0) THEN
      RETURN '{"conflict": "busy"}';
    END IF;
  END IF;
  IF change ? 'leases' THEN verdict := check_leases(change->'leases', (change->>'at')::bigint, gated); END IF;
  IF verdict IS NULL AND budgeted AND change ? 'money' THEN verdict := check_money(change); END IF;
  RETURN verdict;
END $$;

-- A grant needs the capsule awake in that shift, a free slot, and its turn. Slots that the same change
-- frees count as free, those that its earlier grants take as taken. Where slots are free and nobody
-- waits, one look at the capsule is enough.
CREATE FUNCTION check_leases(leases jsonb, now_ms bigint, gated boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  lease   jsonb;
  known   record;
  verdict jsonb;
  grants  int := 0;
BEGIN
  FOR lease IN SELECT e FROM jsonb_array_elements(leases->'changes') e WHERE e->>'op' = 'grant' LOOP
    SELECT c.status, c.generation, c.slots, c.agent_id, a.held, a.waiting INTO known
      FROM capsules c JOIN capsule_activity a ON a.capsule_id = c.id WHERE c.id = lease->>'capsuleId';
    IF NOT FOUND OR known.status <> 'awake' OR known.generation <> (lease->>'generation')::int THEN
      RETURN '{"conflict": "capsule"}';
    END IF;
    IF gated OR lease ? 'rates' THEN
      verdict := coalesce(check_guards(known.agent_id, leases->>'workflowId'),
        check_begin(known.agent_id, lease, now_ms, grants));
      IF verdict IS NOT NULL THEN RETURN verdict; END IF;
    END IF;
    IF known.held + grants >= known.slots OR known.waiting > 0 THEN
      IF known.held - slots_freed(leases, lease, grants) >= known.slots
          OR (known.waiting > 0 AND NOT is_asked(leases, lease)) THEN
        RETURN '{"conflict": "busy"}';
      END IF;
    END IF;
    grants := grants + 1;
  END LOOP;
  RETURN NULL;
END $$;

-- What the change frees on a grant's capsule, less what its grants before this one take there.
CREATE FUNCTION slots_freed(leases jsonb, given jsonb, grants_before int) RETURNS int LANGUAGE sql AS $$
  SELECT (SELECT count(*) FROM jsonb_array_elements(leases->'changes') e
      JOIN leases l ON l.run_id = (leases->>'runId')::uuid AND l.step_id = e->>'stepId'
        AND l.attempt = (e->>'attempt')::int
      WHERE e->>'op' = 'release' AND l.capsule_id = given->>'capsuleId' AND l.granted_at IS NOT NULL)::int
    - (SELECT count(*) FROM (SELECT e FROM jsonb_array_elements(leases->'changes') WITH ORDINALITY t(e, n)
        WHERE e->>'op' = 'grant' ORDER BY n LIMIT grants_before) earlier
      WHERE earlier.e->>'capsuleId' = given->>'capsuleId')::int
$$;

CREATE FUNCTION is_asked(leases jsonb, given jsonb) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (SELECT FROM leases l WHERE l.run_id = (leases->>'runId')::uuid
    AND l.step_id = given->>'stepId' AND l.attempt = (given->>'attempt')::int)
$$;

-- Writes all but results and ledger entries, which the whole batch's are written together with. Answers the
-- capsules on which it released leases, with what they are left with.
CREATE FUNCTION apply_change(change jsonb, gated boolean, budgeted boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now_ms   bigint := (change->>'at')::bigint;
  run_uuid uuid := (change->'leases'->>'runId')::uuid;
  tick     jsonb := change->'tick';
  idem     jsonb := change->'idempotencyKey';
  lease    jsonb;
  released text[] := '{}';
BEGIN
  IF change ? 'waits' THEN PERFORM apply_waits(change->'waits', now_ms); END IF;
  IF change ? 'event' THEN PERFORM apply_event(change->'event', now_ms); END IF;
  IF change ? 'delivered' THEN UPDATE events SET delivered = true WHERE id = (change->>'delivered')::uuid; END IF;
  IF change ? 'run' THEN PERFORM apply_run(change->'run', now_ms); END IF;
  IF change ? 'memos' THEN PERFORM apply_memos(change->'memos'); END IF;
  IF change ? 'acts' THEN PERFORM apply_acts(change->'acts'); END IF;
  IF change ? 'capsule' THEN PERFORM apply_capsule(change->'capsule'); END IF;
  IF change->'money' ? 'spends' THEN PERFORM spend_money(change->'money'); END IF;
  FOR lease IN SELECT * FROM jsonb_array_elements(change->'leases'->'changes') LOOP
    CASE lease->>'op'
      WHEN 'request' THEN PERFORM request_lease(run_uuid, lease, now_ms, change->'leases'->>'workflowId');
      WHEN 'grant' THEN PERFORM grant_lease(run_uuid, lease, now_ms, gated);
      ELSE
        PERFORM release_lease(run_uuid, lease, now_ms);
        released := released || (lease->>'capsuleId');
    END CASE;
    IF change ? 'money' AND (lease->>'op' = 'request' OR (budgeted AND lease->>'op' = 'grant')) THEN
      PERFORM lease_money(change->'money', lease);
    END IF;
  END LOOP;
  IF tick IS NOT NULL THEN
    INSERT INTO ticks (workflow_id, scheduled_for, action, reason, late_ms, decided_at, run_id)
    VALUES (tick->>'workflowId', (tick->>'scheduledFor')::bigint, tick->>'action', tick->>'reason',
      (tick->>'lateMs')::bigint, (tick->>'decidedAt')::bigint, (tick->>'runId')::uuid);
  END IF;
  IF idem IS NOT NULL THEN
    INSERT INTO idempotency_keys (scope, key, fingerprint, run_id, created_at)
    VALUES (idem->>'scope', idem->>'key', idem->>'fingerprint', (change->'run'->>'id')::uuid, now_ms);
  END IF;
  IF change ? 'deduplicate' THEN
    PERFORM apply_duplicate(change->'deduplicate', (change->'run'->>'id')::uuid);
  END IF;
  IF released = '{}' THEN RETURN '[]'; END IF;
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('capsuleId', capsule_id, 'held', held, 'waiting', waiting)), '[]')
    FROM capsule_activity WHERE capsule_id = ANY (released));
END $$;

CREATE FUNCTION apply_run(run jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  run_uuid   uuid := (run->>'id')::uuid;
  next       jsonb := run->'state';
  next_state text := next->>'status';
BEGIN
  IF next ? 'flow' THEN PERFORM apply_flow(run, now_ms); END IF;
  IF (run->>'expect')::int = 0 THEN
    INSERT INTO runs (id, workflow_id, status, created_at, finished_at, parent_id)
    VALUES (run_uuid, next->>'workflowId', next_state, (next->>'createdAt')::bigint, (next->>'finishedAt')::bigint,
      CASE next->'trigger'->>'kind' WHEN 'step' THEN (next->'trigger'->>'runId')::uuid END);
    INSERT INTO plans (hash, plan) VALUES (run->>'planHash', run->'plan') ON CONFLICT DO NOTHING;
    INSERT INTO run_states (run_id, version, due_at, plan, state)
    VALUES (run_uuid, 1, (run->>'dueAt')::bigint, run->>'planHash', next);
    INSERT INTO run_inputs (run_id, input) VALUES (run_uuid, run->'input');
  ELSE
    UPDATE run_states SET version = version + 1, state = next, due_at = (run->>'dueAt')::bigint
      WHERE run_id = run_uuid;
    UPDATE runs SET status = next_state, finished_at = (next->>'finishedAt')::bigint
      WHERE id = run_uuid
        AND (status, finished_at) IS DISTINCT FROM (next_state, (next->>'finishedAt')::bigint);
  END IF;
END $$;

CREATE FUNCTION apply_capsule(capsule jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  next  jsonb := capsule->'state';
  shift jsonb := capsule->'shift';
BEGIN
  -- A new shift starts with a clean slate.
  UPDATE capsule_activity a SET work_ms = 0, first_work_at = NULL, last_work_at = NULL,
      busy_since = NULL, idle_since = NULL
    FROM capsules c
    WHERE a.capsule_id = capsule->>'id' AND c.id = a.capsule_id AND c.generation <> (next->>'generation')::int;
  UPDATE capsule_activity a SET idle_since = (next->'shift'->>'healthyAt')::bigint
    FROM capsules c
    WHERE a.capsule_id = capsule->>'id' AND c.id = a.capsule_id
      AND next->>'status' = 'awake' AND c.status <> 'awake';
  UPDATE capsules SET version = version + 1, status = next->>'status', generation = (next->>'generation')::int,
      due_at = (next->>'dueAt')::bigint, state = next
    WHERE id = capsule->>'id';
  IF shift IS NOT NULL THEN
    INSERT INTO shifts (capsule_id, generation, requested_at, shift)
    VALUES (capsule->>'id', (shift->>'generation')::int, (shift->>'requestedAt')::bigint, shift)
    ON CONFLICT (capsule_id, generation) DO UPDATE SET shift = EXCLUDED.shift;
  END IF;
END $$;

-- A lease belongs to the capsule its row names; asking twice, granting what is held, and a capsule that
-- nobody declared are errors.
CREATE FUNCTION request_lease(run_uuid uuid, lease jsonb, now_ms bigint, workflow text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO leases (run_id, step_id, attempt, capsule_id, priority, requested_at, workflow_id)
    VALUES (run_uuid, lease->>'stepId', (lease->>'attempt')::int, lease->>'capsuleId',
      coalesce((lease->>'priority')::int, 0), coalesce((lease->>'requestedAt')::bigint, now_ms), workflow);
  UPDATE capsule_activity SET waiting = waiting + 1 WHERE capsule_id = lease->>'capsuleId';
  IF NOT FOUND THEN
    RAISE foreign_key_violation USING MESSAGE = 'a lease on a capsule that is not declared';
  END IF;
END $$;

CREATE FUNCTION grant_lease(run_uuid uuid, lease jsonb, now_ms bigint, gated boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  asked boolean;
BEGIN
  INSERT INTO leases AS l (run_id, step_id, attempt, capsule_id, priority, requested_at, granted_at, generation)
    VALUES (run_uuid, lease->>'stepId', (lease->>'attempt')::int, lease->>'capsuleId',
      coalesce((lease->>'priority')::int, 0), now_ms, now_ms,
      (lease->>'generation')::int)
    ON CONFLICT (run_id, step_id, attempt)
      DO UPDATE SET granted_at = EXCLUDED.granted_at, generation = EXCLUDED.generation
      WHERE l.granted_at IS NULL AND l.capsule_id = EXCLUDED.capsule_id
    RETURNING l.xmax <> 0 INTO asked; -- an inserted row has no xmax, an updated one has
  IF NOT FOUND THEN
    RAISE unique_violation USING MESSAGE = 'a lease that is held already';
  END IF;
  UPDATE capsule_activity SET held = held + 1, waiting = waiting - asked::int, idle_since = NULL,
      busy_since = coalesce(busy_since, now_ms), first_work_at = coalesce(first_work_at, now_ms)
    WHERE capsule_id = lease->>'capsuleId';
  IF gated OR lease ? 'rates' THEN PERFORM apply_begin(run_uuid, lease, now_ms); END IF;
END $$;

CREATE FUNCTION release_lease(run_uuid uuid, lease jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  gone record;
BEGIN
  DELETE FROM leases WHERE run_id = run_uuid AND step_id = lease->>'stepId'
    AND attempt = (lease->>'attempt')::int RETURNING * INTO gone;
  IF NOT FOUND THEN
    RETURN;
  ELSIF gone.granted_at IS NULL THEN
    UPDATE capsule_activity SET waiting = waiting - 1 WHERE capsule_id = gone.capsule_id;
  ELSE
    INSERT INTO lease_times VALUES (gone.capsule_id, gone.generation, run_uuid, gone.step_id, gone.attempt,
      gone.requested_at, gone.granted_at, now_ms);
    -- Nobody is busy in a shift that began after the lease: it was wiped clean at its start.
    UPDATE capsule_activity SET held = held - 1, last_work_at = now_ms,
        work_ms = work_ms + CASE WHEN held = 1 THEN now_ms - coalesce(busy_since, now_ms) ELSE 0 END,
        idle_since = CASE WHEN held = 1 THEN now_ms END,
        busy_since = CASE WHEN held = 1 THEN NULL ELSE busy_since END
      WHERE capsule_id = gone.capsule_id;
  END IF;
  IF gone.reserved THEN
    PERFORM settle_money(run_uuid, gone.step_id, gone.attempt, gone.capsule_id, gone.generation, gone.granted_at, now_ms);
  END IF;
END $$;

CREATE FUNCTION apply_waits(waits jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  run_uuid uuid := (waits->>'runId')::uuid;
BEGIN
  DELETE FROM waits w USING jsonb_array_elements(waits->'changes') c
    WHERE c->>'op' = 'close' AND w.run_id = run_uuid AND w.step_id = c->>'stepId'
      AND w.attempt = (c->>'attempt')::int;
  INSERT INTO waits (run_id, step_id, attempt, kind, name, key, since)
    SELECT run_uuid, c->>'stepId', (c->>'attempt')::int, c->>'kind', c->>'name', c->>'key', now_ms
      FROM jsonb_array_elements(waits->'changes') c
      WHERE c->>'op' = 'open' AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(waits->'changes') d
          WHERE d->>'op' = 'close' AND d->>'stepId' = c->>'stepId' AND d->>'attempt' = c->>'attempt');
END $$;

-- The same event again changes nothing.
CREATE FUNCTION apply_event(event jsonb, now_ms bigint) RETURNS void LANGUAGE sql AS $$
  INSERT INTO events (id, name, key, payload, at)
  VALUES ((event->>'id')::uuid, event->>'name', event->>'key', event->'payload', now_ms) ON CONFLICT DO NOTHING;
$$;
