-- Commits a batch of changes in one round trip, as if one came after the other. Each change is checked first and
-- then written, or reported with the race it lost; one change's conflict leaves the others alone.
-- Answers an array as long as the batch: { conflict, existing? } for a lost race; for a commit
-- { freed }, the capsules on which it released a lease, with what they are left with.
--
-- Most changes of a busy orchestrator are ordinary: a run moves on, releases the lease it held and takes another that
-- is free. These are written together, a statement for all of them; what is left goes one by one (002_commit.sql).
-- A plan that was made while tables were small must not read them whole later: rows are found by their keys.
CREATE OR REPLACE FUNCTION commit_changes(changes jsonb) RETURNS jsonb LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  head     ledger_head%ROWTYPE;
  given    jsonb[] := ARRAY(SELECT jsonb_array_elements(changes));
  ordinary boolean[] := '{}';
  freed    jsonb[] := '{}';
  done     int := 0;
  answers  jsonb[] := '{}';
  verdict  jsonb;
  gated    boolean;
  budgeted boolean;
BEGIN
  SELECT * INTO head FROM ledger_head FOR UPDATE;
  -- Asked once for all of them: whoever throws a switch, opens a breaker or sets a budget waits for the end of
  -- the ledger as well, so that nothing of it changes before the batch is over.
  SELECT EXISTS (SELECT FROM switches WHERE released_at IS NULL)
      OR EXISTS (SELECT FROM breakers WHERE status <> 'closed'), EXISTS (SELECT FROM budgets)
    INTO gated, budgeted;
  -- For fewer than four, statements for many cost more than they save.
  IF cardinality(given) >= 4 AND NOT gated AND NOT budgeted THEN
    ordinary := ordinary_changes(given);
    freed := write_together(
      ARRAY(SELECT c FROM unnest(given, ordinary) WITH ORDINALITY AS t (c, o, n) WHERE o ORDER BY n));
  END IF;
  FOR n IN 1 .. cardinality(given) LOOP
    IF ordinary[n] THEN
      done := done + 1;
      verdict := jsonb_build_object('freed', freed[done]);
    ELSE
      verdict := check_change(given[n], gated, budgeted);
      IF verdict IS NULL THEN verdict := jsonb_build_object('freed', apply_change(given[n], gated, budgeted)); END IF;
    END IF;
    answers := answers || verdict;
  END LOOP;
  PERFORM write_results(given, answers);
  PERFORM write_ledger(head, given, answers);
  RETURN to_jsonb(answers);
END $$;

-- Which changes of a batch are ordinary: they move a run on from where it is or begin one, take leases that are free
-- for all who ask for one in this batch, release leases that are held, and do nothing else. What they touch, runs and
-- capsules, no other change of the batch touches unless it is ordinary too: they may be written before it.
CREATE FUNCTION ordinary_changes(given jsonb[]) RETURNS boolean[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  ordinary boolean[];
  of_n     int[];
  names    text[];
  spoiled  text[];
  before   int;
BEGIN
  WITH changes AS MATERIALIZED (
    SELECT n::int, c->'run'->>'id' AS run_id, c->'leases' AS leases, c->'capsule'->>'id' AS capsule_id,
        c ? 'run' AND c - '{at,run,leases,ledger,money}'::text[] = '{}' AND NOT c->'run'->'state' ?| '{flow,error}'
          AND (c->'money' ? 'spends') IS NOT TRUE
          AND (c->'run'->>'expect')::int
            = coalesce((SELECT version FROM run_states WHERE run_states.run_id = (c->'run'->>'id')::uuid), 0) AS plain
      FROM unnest(given) WITH ORDINALITY AS t (c, n)),
  asked AS MATERIALIZED (
    SELECT n, e->>'stepId' AS step_id, e->>'attempt' AS attempt, coalesce(l.capsule_id, e->>'capsuleId') AS capsule_id,
        e->>'op' = 'grant' AS takes, (e->>'generation')::int AS generation,
        CASE e->>'op' WHEN 'grant' THEN l.run_id IS NULL AND NOT e ? 'rates'
          WHEN 'release' THEN l.granted_at IS NOT NULL AND NOT l.reserved AND l.capsule_id = e->>'capsuleId'
          END IS TRUE AS plain
      FROM changes c CROSS JOIN jsonb_array_elements(c.leases->'changes') e
        LEFT JOIN leases l ON l.run_id = (c.leases->>'runId')::uuid AND l.step_id = e->>'stepId'
          AND l.attempt = (e->>'attempt')::int),
  sums AS (
    SELECT capsule_id, count(*) FILTER (WHERE takes) AS taken, min(generation) AS oldest, max(generation) AS newest
      FROM asked GROUP BY capsule_id),
  touched AS MATERIALIZED (
    SELECT n, capsule_id AS name, plain FROM asked
    UNION ALL SELECT n, capsule_id, false FROM changes WHERE capsule_id IS NOT NULL
    UNION ALL SELECT n, run_id, plain FROM changes WHERE run_id IS NOT NULL
    UNION ALL SELECT n, leases->>'runId', false FROM changes
      WHERE leases IS NOT NULL AND leases->>'runId' IS DISTINCT FROM run_id)
  SELECT (SELECT array_agg(plain ORDER BY n) FROM changes),
      (SELECT array_agg(n ORDER BY n, name) FROM touched),
      (SELECT array_agg(name ORDER BY n, name) FROM touched),
      ARRAY(SELECT name FROM touched WHERE NOT plain
        UNION SELECT run_id FROM changes WHERE run_id IS NOT NULL GROUP BY run_id HAVING count(*) > 1
        UNION SELECT capsule_id FROM asked GROUP BY n, capsule_id, step_id, attempt HAVING count(*) > 1
        UNION SELECT capsule_id FROM sums s WHERE NOT EXISTS (
          SELECT FROM capsules c JOIN capsule_activity a ON a.capsule_id = c.id
            WHERE c.id = s.capsule_id AND (taken = 0 OR (status = 'awake' AND waiting = 0 AND held + taken <= slots
              AND generation = oldest AND generation = newest))))
    INTO ordinary, of_n, names, spoiled;
  -- A change that touches what is spoiled is not ordinary, and spoils whatever else it touches.
  WHILE cardinality(spoiled) > 0 AND cardinality(spoiled) IS DISTINCT FROM before LOOP
    before := cardinality(spoiled);
    ordinary := ARRAY(SELECT o AND NOT EXISTS (
        SELECT FROM unnest(of_n, names) AS t (m, name) WHERE m = n AND name = ANY (spoiled))
      FROM unnest(ordinary) WITH ORDINALITY AS u (o, n) ORDER BY n);
    spoiled := ARRAY(SELECT unnest(spoiled)
      UNION SELECT name FROM unnest(of_n, names) AS t (m, name) WHERE NOT ordinary[m]);
  END LOOP;
  RETURN ordinary;
END $$;

-- Writes ordinary changes, all but results and ledger entries. Answers for each the capsules on which it released a
-- lease, with what they are left with.
CREATE FUNCTION write_together(changes jsonb[]) RETURNS jsonb[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  begun jsonb[] := ARRAY(SELECT c->'run' FROM unnest(changes) c WHERE c->'run'->'expect' = '0');
  moved jsonb[] := ARRAY(SELECT c->'run' FROM unnest(changes) c WHERE c->'run'->'expect' <> '0');
BEGIN
  IF cardinality(changes) = 0 THEN RETURN '{}'; END IF;
  IF cardinality(begun) > 0 THEN
    INSERT INTO runs (id, workflow_id, status, created_at, finished_at, parent_id)
      SELECT (r->>'id')::uuid, s->>'workflowId', s->>'status', (s->>'createdAt')::bigint, (s->>'finishedAt')::bigint,
          CASE s->'trigger'->>'kind' WHEN 'step' THEN (s->'trigger'->>'runId')::uuid END
        FROM unnest(begun) r CROSS JOIN LATERAL (SELECT r->'state') AS t (s);
    INSERT INTO plans (hash, plan) SELECT r->>'planHash', r->'plan' FROM unnest(begun) r ON CONFLICT DO NOTHING;
    INSERT INTO run_states (run_id, version, due_at, plan, state)
      SELECT (r->>'id')::uuid, 1, (r->>'dueAt')::bigint, r->>'planHash', r->'state' FROM unnest(begun) r;
    INSERT INTO run_inputs (run_id, input) SELECT (r->>'id')::uuid, r->'input' FROM unnest(begun) r;
  END IF;
  UPDATE run_states SET version = version + 1, state = r->'state', due_at = (r->>'dueAt')::bigint
    FROM unnest(moved) r WHERE run_id = (r->>'id')::uuid;
  UPDATE runs SET status = r->'state'->>'status', finished_at = (r->'state'->>'finishedAt')::bigint
    FROM unnest(moved) r WHERE id = (r->>'id')::uuid
      AND (status, finished_at) IS DISTINCT FROM (r->'state'->>'status', (r->'state'->>'finishedAt')::bigint);
  WITH gone AS (
    DELETE FROM leases l USING unnest(changes) c, jsonb_array_elements(c->'leases'->'changes') e
      WHERE e->>'op' = 'release' AND run_id = (c->'leases'->>'runId')::uuid AND step_id = e->>'stepId'
        AND attempt = (e->>'attempt')::int
      RETURNING l.*, (c->>'at')::bigint AS released_at)
  INSERT INTO lease_times
    SELECT capsule_id, generation, run_id, step_id, attempt, requested_at, granted_at, released_at FROM gone;
  INSERT INTO leases (run_id, step_id, attempt, capsule_id, priority, requested_at, granted_at, generation)
    SELECT (c->'leases'->>'runId')::uuid, e->>'stepId', (e->>'attempt')::int, e->>'capsuleId',
        coalesce((e->>'priority')::int, 0), (c->>'at')::bigint, (c->>'at')::bigint, (e->>'generation')::int
      FROM unnest(changes) c, jsonb_array_elements(c->'leases'->'changes') e WHERE e->>'op' = 'grant';
  RETURN count_leases(changes);
END $$;

-- What the leases of ordinary changes make of their capsules: counted in their order as grant_lease and release_lease
-- do it, and written once for each capsule. Answers as write_together does.
CREATE FUNCTION count_leases(changes jsonb[]) RETURNS jsonb[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  lease  record;
  i      int;
  freed  jsonb[] := array_fill('{}'::jsonb, ARRAY[cardinality(changes)]);
  names  text[];
  taken  int[];
  waits  int[];
  busy   bigint[];
  idle   bigint[];
  worked bigint[];
  began  bigint[];
  ended  bigint[];
BEGIN
  SELECT array_agg(a.capsule_id), array_agg(a.held), array_agg(a.waiting), array_agg(a.busy_since),
      array_agg(a.idle_since), array_agg(a.work_ms), array_agg(a.first_work_at), array_agg(a.last_work_at)
    INTO names, taken, waits, busy, idle, worked, began, ended FROM capsule_activity a
    WHERE a.capsule_id IN (
      SELECT e->>'capsuleId' FROM unnest(changes) c, jsonb_array_elements(c->'leases'->'changes') e);
  FOR lease IN SELECT n, (c->>'at')::bigint AS at, e->>'op' = 'grant' AS takes, e->>'capsuleId' AS name
      FROM unnest(changes) WITH ORDINALITY AS t (c, n),
        jsonb_array_elements(c->'leases'->'changes') WITH ORDINALITY AS u (e, k) ORDER BY n, k LOOP
    i := array_position(names, lease.name);
    idle[i] := NULL;
    IF lease.takes THEN
      taken[i] := taken[i] + 1;
      IF busy[i] IS NULL THEN busy[i] := lease.at; END IF;
      IF began[i] IS NULL THEN began[i] := lease.at; END IF;
    ELSE
      taken[i] := taken[i] - 1;
      ended[i] := lease.at;
      IF taken[i] = 0 THEN
        worked[i] := worked[i] + lease.at - coalesce(busy[i], lease.at);
        idle[i] := lease.at;
        busy[i] := NULL;
      END IF;
    END IF;
    IF NOT lease.takes OR freed[lease.n] ? lease.name THEN
      freed[lease.n] := freed[lease.n] || jsonb_build_object(lease.name,
        jsonb_build_object('capsuleId', lease.name, 'held', taken[i], 'waiting', waits[i]));
    END IF;
  END LOOP;
  UPDATE capsule_activity a SET held = b.held, busy_since = b.busy, idle_since = b.idle, work_ms = b.work,
      first_work_at = b.began, last_work_at = b.ended
    FROM unnest(names, taken, busy, idle, worked, began, ended) AS b (name, held, busy, idle, work, began, ended)
    WHERE a.capsule_id = b.name;
  RETURN ARRAY(SELECT jsonb_path_query_array(f, '$.*') FROM unnest(freed) WITH ORDINALITY AS t (f, n) ORDER BY n);
END $$;

-- What agents delivered with the changes that were committed.
CREATE FUNCTION write_results(changes jsonb[], answers jsonb[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO step_results (run_id, step_id, attempt, counted, received_at, result)
    SELECT (c->'run'->>'id')::uuid, r->>'stepId', (r->>'attempt')::int, (r->>'counted')::boolean,
        (c->>'at')::bigint, r->'result'
      FROM unnest(changes, answers) AS t (c, answer), jsonb_array_elements(c->'run'->'results') r
      WHERE answer ? 'freed'
    ON CONFLICT DO NOTHING;
$$;

-- Their ledger entries, each chained to the one before by the hash over its hash and its own body.
CREATE FUNCTION write_ledger(head ledger_head, changes jsonb[], answers jsonb[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  entry    record;
  seqs     bigint[] := '{}';
  entities text[] := '{}';
  ids      text[] := '{}';
  bodies   text[] := '{}';
  hashes   text[] := '{}';
BEGIN
  FOR entry IN SELECT e->>'entity' AS entity, e->>'id' AS id, e->>'body' AS body
      FROM unnest(changes, answers) WITH ORDINALITY AS t (c, answer, n),
        jsonb_array_elements(c->'ledger') WITH ORDINALITY AS u (e, k) WHERE answer ? 'freed' ORDER BY n, k LOOP
    head.seq := head.seq + 1;
    head.hash := encode(sha256(convert_to(head.hash || entry.body, 'UTF8')), 'hex');
    seqs := seqs || head.seq;
    entities := entities || entry.entity;
    ids := ids || entry.id;
    bodies := bodies || entry.body;
    hashes := hashes || head.hash;
  END LOOP;
  INSERT INTO ledger (seq, entity, id, body, hash) SELECT * FROM unnest(seqs, entities, ids, bodies, hashes);
  UPDATE ledger_head SET seq = head.seq, hash = head.hash;
END $$;
