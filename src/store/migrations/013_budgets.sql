-- Budgets and caps: how much may be spent, or done outside, in a period. What a step may cost is reserved in the
-- commit that asks for its lease, and given back in the commit that releases it: no lease, no reservation.
-- Commits take turns (ledger_head), so that no two of them give the same money away.
-- Money is whole numbers of nano-dollars ÷ 3,600,000 (see domain/cost/money.ts); caps count actions.

CREATE TABLE budgets (
  id       text COLLATE "C" PRIMARY KEY,
  measure  text NOT NULL CHECK (measure IN ('usd', 'actions')),
  scope    text NOT NULL,
  subject  text NOT NULL,
  period   text NOT NULL CHECK (period IN ('per-run', 'day', 'month')),
  -- By the registry or the environment; and by a person, which goes before it.
  declared numeric(38, 0),
  assigned numeric(38, 0)
);

-- For one period only. The key of a period: its date, its month, or the run.
CREATE TABLE budget_raises (
  budget_id text COLLATE "C" NOT NULL,
  key       text COLLATE "C" NOT NULL,
  amount    numeric(38, 0) NOT NULL,
  PRIMARY KEY (budget_id, key)
);

CREATE TABLE budget_use (
  budget_id text COLLATE "C" NOT NULL,
  key       text COLLATE "C" NOT NULL,
  spent     numeric(38, 0) NOT NULL DEFAULT 0,
  reserved  numeric(38, 0) NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  PRIMARY KEY (budget_id, key)
) WITH (fillfactor = 50);

-- What a lease that is asked for or held has reserved, and where.
CREATE TABLE reservations (
  run_id  uuid NOT NULL,
  step_id text NOT NULL,
  attempt int  NOT NULL,
  -- Whose it is and when: { agent, workflow, root, rootWorkflow, day, month, price }.
  who     jsonb NOT NULL,
  amount  numeric(38, 0) NOT NULL,
  budgets text[] NOT NULL,
  keys    text[] NOT NULL,
  PRIMARY KEY (run_id, step_id, attempt)
);

-- Which kinds of actions an agent was seen to do: their caps hold it, too.
CREATE TABLE agent_acts (
  agent_id text NOT NULL,
  scope    text NOT NULL,
  subject  text NOT NULL,
  PRIMARY KEY (agent_id, scope, subject)
);

-- What the last jobs of an agent cost in models and actions, and how long they took.
CREATE TABLE agent_costs (
  agent_id text PRIMARY KEY,
  costs    numeric[] NOT NULL DEFAULT '{}',
  ms       bigint[]  NOT NULL DEFAULT '{}'
);

-- Who waits: whether money is set aside for it, what for, and which budget holds it.
ALTER TABLE leases ADD COLUMN reserved boolean NOT NULL DEFAULT false, ADD COLUMN demand jsonb, ADD COLUMN held_by text;
CREATE INDEX leases_unreserved ON leases (priority DESC, requested_at) WHERE granted_at IS NULL AND NOT reserved;

-- What of a lease's time was counted before its shift is booked, and for whom.
ALTER TABLE lease_times ADD COLUMN who jsonb, ADD COLUMN counted numeric;

CREATE FUNCTION has_budgets() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM budgets) $$;

-- The budgets over somebody's work, each with the period's key and how much it allows there.
CREATE FUNCTION budgets_over(who jsonb) RETURNS TABLE (id text, key text, measure text, allowed numeric, scope text, subject text)
LANGUAGE sql STABLE AS $$
  SELECT b.id, k.key, b.measure,
      coalesce(b.assigned, b.declared)
        + coalesce((SELECT r.amount FROM budget_raises r WHERE r.budget_id = b.id AND r.key = k.key), 0),
      b.scope, b.subject
    FROM budgets b CROSS JOIN LATERAL (SELECT who->>(CASE b.period WHEN 'per-run' THEN 'root' ELSE b.period END) AS key) k
    WHERE coalesce(b.assigned, b.declared) IS NOT NULL AND k.key IS NOT NULL AND CASE b.scope
      WHEN 'installation' THEN true
      WHEN 'agent' THEN b.subject = who->>'agent'
      WHEN 'workflow' THEN b.subject IN (who->>'workflow', who->>'rootWorkflow')
      WHEN 'run' THEN b.subject = who->>'root'
      ELSE EXISTS (SELECT FROM agent_acts a
        WHERE a.agent_id = who->>'agent' AND a.scope = b.scope AND a.subject = b.subject) END
    ORDER BY b.id
$$;

-- Whose work a demand is: that of a run's step counts for the run at the head of its family, too.
CREATE FUNCTION budget_who(money jsonb, demand jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  root          text := money->>'runId';
  root_workflow text := money->>'workflowId';
BEGIN
  IF money ? 'parentId' THEN
    WITH RECURSIVE up AS (
      SELECT id, parent_id, workflow_id, 1 AS depth FROM runs WHERE id = (money->>'parentId')::uuid
      UNION ALL
      SELECT r.id, r.parent_id, r.workflow_id, up.depth + 1 FROM up JOIN runs r ON r.id = up.parent_id WHERE up.depth < 50)
    SELECT id::text, workflow_id INTO root, root_workflow FROM up ORDER BY depth DESC LIMIT 1;
  END IF;
  RETURN jsonb_build_object('agent', demand->'agentId', 'workflow', money->'workflowId',
    'root', coalesce(root, money->>'runId'), 'rootWorkflow', coalesce(root_workflow, money->>'workflowId'),
    'day', money->'day', 'month', money->'month', 'price', demand->'price');
END $$;

-- The first budget that does not allow it; null if all do. `pending`: what else is about to be reserved, by id and key.
CREATE FUNCTION budget_against(who jsonb, amount numeric, pending jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT b.id FROM budgets_over(who) b
    LEFT JOIN budget_use u ON u.budget_id = b.id AND u.key = b.key
    CROSS JOIN LATERAL (SELECT coalesce(u.spent, 0) + coalesce(u.reserved, 0)
      + coalesce((pending->>(b.id || '@' || b.key))::numeric, 0) AS used) x
    WHERE CASE b.measure WHEN 'actions' THEN coalesce(u.spent, 0) >= b.allowed
      ELSE x.used >= b.allowed OR x.used + amount > b.allowed END
    ORDER BY b.id LIMIT 1
$$;

CREATE FUNCTION demand_of(money jsonb, lease jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT d FROM jsonb_array_elements(money->'demands') d
    WHERE d->>'stepId' = lease->>'stepId' AND d->>'attempt' = lease->>'attempt' LIMIT 1
$$;

-- Grants that nothing is set aside for: null if the budgets allow all of them together.
CREATE FUNCTION check_money(change jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  money   jsonb := change->'money';
  lease   jsonb;
  demand  jsonb;
  who     jsonb;
  pending jsonb := '{}';
BEGIN
  IF money IS NULL OR NOT has_budgets() THEN RETURN NULL; END IF;
  FOR lease IN SELECT e FROM jsonb_array_elements(change->'leases'->'changes') e WHERE e->>'op' = 'grant' LOOP
    demand := demand_of(money, lease);
    CONTINUE WHEN demand IS NULL OR EXISTS (SELECT FROM leases l WHERE l.run_id = (money->>'runId')::uuid
      AND l.step_id = lease->>'stepId' AND l.attempt = (lease->>'attempt')::int AND l.reserved);
    who := budget_who(money, demand);
    IF budget_against(who, (demand->>'estimate')::numeric, pending) IS NOT NULL THEN
      RETURN '{"conflict": "held"}';
    END IF;
    SELECT pending || coalesce(jsonb_object_agg(b.id || '@' || b.key,
        coalesce((pending->>(b.id || '@' || b.key))::numeric, 0) + (demand->>'estimate')::numeric), '{}')
      INTO pending FROM budgets_over(who) b WHERE b.measure = 'usd';
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION reserve_money(run_uuid uuid, step text, nth int, who jsonb, amount numeric)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ids   text[];
  names text[];
BEGIN
  SELECT coalesce(array_agg(b.id), '{}'), coalesce(array_agg(b.key), '{}') INTO ids, names
    FROM budgets_over(who) b WHERE b.measure = 'usd';
  INSERT INTO reservations (run_id, step_id, attempt, who, amount, budgets, keys)
    VALUES (run_uuid, step, nth, who, reserve_money.amount, ids, names);
  INSERT INTO budget_use AS u (budget_id, key, reserved)
    SELECT i, k, reserve_money.amount FROM unnest(ids, names) AS t (i, k) ORDER BY i, k
    ON CONFLICT (budget_id, key) DO UPDATE SET reserved = u.reserved + EXCLUDED.reserved;
  UPDATE leases SET reserved = true, held_by = NULL
    WHERE run_id = run_uuid AND step_id = step AND attempt = nth;
END $$;

-- After a lease was asked for or granted: sets money aside. A grant was checked; who waits may be held.
CREATE FUNCTION lease_money(money jsonb, lease jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  asked    jsonb := demand_of(money, lease);
  run_uuid uuid := (money->>'runId')::uuid;
  nth      int := (lease->>'attempt')::int;
  who      jsonb;
  against  text;
BEGIN
  IF asked IS NULL THEN RETURN; END IF;
  IF lease->>'op' = 'request' THEN
    UPDATE leases SET demand = asked || (money - 'demands' - 'spends')
      WHERE run_id = run_uuid AND step_id = lease->>'stepId' AND attempt = nth;
  END IF;
  IF NOT has_budgets() OR EXISTS (SELECT FROM reservations
    WHERE run_id = run_uuid AND step_id = lease->>'stepId' AND attempt = nth) THEN RETURN; END IF;
  who := budget_who(money, asked);
  IF lease->>'op' = 'request' THEN
    against := budget_against(who, (asked->>'estimate')::numeric, '{}');
    IF against IS NOT NULL THEN
      UPDATE leases SET held_by = against WHERE run_id = run_uuid AND step_id = lease->>'stepId' AND attempt = nth;
      RETURN;
    END IF;
  END IF;
  PERFORM reserve_money(run_uuid, lease->>'stepId', nth, who, (asked->>'estimate')::numeric);
END $$;

-- Adds to what was spent (or takes back what was counted too high) under every budget over it.
CREATE FUNCTION add_spent(who jsonb, amount numeric) RETURNS void LANGUAGE sql AS $$
  INSERT INTO budget_use AS u (budget_id, key, spent)
    SELECT b.id, b.key, add_spent.amount FROM budgets_over(who) b WHERE b.measure = 'usd' ORDER BY 1, 2
    ON CONFLICT (budget_id, key) DO UPDATE SET spent = u.spent + EXCLUDED.spent
$$;

-- A lease is over: its reservation ends, and the time it was held counts at its price until its shift is booked.
CREATE FUNCTION settle_money(run_uuid uuid, step text, nth int, capsule text, gen int, granted_ms bigint, now_ms bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  known reservations%ROWTYPE;
  took  bigint := greatest(0, now_ms - coalesce(granted_ms, now_ms));
  cost  numeric;
BEGIN
  DELETE FROM reservations WHERE run_id = run_uuid AND step_id = step AND attempt = nth
    RETURNING * INTO known;
  IF NOT FOUND THEN RETURN; END IF;
  UPDATE budget_use u SET reserved = u.reserved - known.amount
    FROM unnest(known.budgets, known.keys) AS t (i, k) WHERE u.budget_id = t.i AND u.key = t.k;
  IF granted_ms IS NULL THEN RETURN; END IF;
  cost := (known.who->>'price')::numeric * took;
  IF cost > 0 THEN PERFORM add_spent(known.who, cost); END IF;
  UPDATE lease_times SET who = known.who, counted = cost WHERE capsule_id = capsule
    AND generation = gen AND run_id = run_uuid AND step_id = step AND attempt = nth;
  INSERT INTO agent_costs AS a (agent_id, ms) VALUES (known.who->>'agent', ARRAY[took])
    ON CONFLICT (agent_id) DO UPDATE SET ms = (a.ms || EXCLUDED.ms)[greatest(1, cardinality(a.ms) - 30):];
END $$;

-- What results report. It counts in the period in which its step was let in; actions count when they are told.
CREATE FUNCTION spend_money(money jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  spend jsonb;
  now_who jsonb;
  was   jsonb;
BEGIN
  FOR spend IN SELECT * FROM jsonb_array_elements(money->'spends') LOOP
    now_who := budget_who(money, spend);
    SELECT r.who INTO was FROM reservations r WHERE r.run_id = (money->>'runId')::uuid
      AND r.step_id = spend->>'stepId' AND r.attempt = (spend->>'attempt')::int;
    PERFORM add_spent(coalesce(was, now_who), (spend->>'cost')::numeric);
    INSERT INTO agent_costs AS a (agent_id, costs) VALUES (spend->>'agentId', ARRAY[(spend->>'cost')::numeric])
      ON CONFLICT (agent_id) DO UPDATE SET costs = (a.costs || EXCLUDED.costs)[greatest(1, cardinality(a.costs) - 30):];
    PERFORM count_actions(now_who, spend->'actions');
  END LOOP;
END $$;

-- `actions`: [{ scope, subject, count }], with scope `all`, `action-type` or `platform`.
CREATE FUNCTION count_actions(who jsonb, actions jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO agent_acts SELECT who->>'agent', a->>'scope', a->>'subject' FROM jsonb_array_elements(actions) a
    WHERE a->>'scope' <> 'all' ON CONFLICT DO NOTHING;
  INSERT INTO budget_use AS u (budget_id, key, spent)
    SELECT b.id, b.key, (a->>'count')::numeric FROM budgets_over(who) b
      JOIN jsonb_array_elements(actions) a ON CASE WHEN b.scope IN ('installation', 'agent') THEN a->>'scope' = 'all'
        ELSE a->>'scope' = b.scope AND a->>'subject' = b.subject END
      WHERE b.measure = 'actions' ORDER BY 1, 2
    ON CONFLICT (budget_id, key) DO UPDATE SET spent = u.spent + EXCLUDED.spent;
END $$;

-- Sets money aside for those who wait and have none, in their turn; a few of each kind, as the first one that is
-- refused speaks for those behind it. Answers the capsules that somebody may be served on now.
CREATE FUNCTION retry_held(at_day text, at_month text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  lease   record;
  who     jsonb;
  against text;
  kind    text;
  refused text[] := '{}';
  freed   text[] := '{}';
BEGIN
  PERFORM FROM ledger_head FOR UPDATE;
  FOR lease IN SELECT * FROM (
      SELECT l.*, row_number() OVER (PARTITION BY l.demand->>'agentId', l.demand->>'workflowId'
        ORDER BY l.priority DESC, l.requested_at, l.run_id) AS nth
      FROM leases l WHERE l.granted_at IS NULL AND NOT l.reserved AND l.demand IS NOT NULL) t
      WHERE nth <= 100 ORDER BY priority DESC, requested_at, run_id LIMIT 1000 LOOP
    who := budget_who(lease.demand || jsonb_build_object('day', at_day, 'month', at_month), lease.demand);
    kind := concat_ws('/', who->>'agent', who->>'workflow', who->>'rootWorkflow');
    CONTINUE WHEN kind = ANY (refused);
    against := budget_against(who, (lease.demand->>'estimate')::numeric, '{}');
    IF against IS NULL THEN
      PERFORM reserve_money(lease.run_id, lease.step_id, lease.attempt, who, (lease.demand->>'estimate')::numeric);
      freed := freed || lease.capsule_id;
    ELSE
      UPDATE leases l SET held_by = against WHERE l.run_id = lease.run_id AND l.step_id = lease.step_id
        AND l.attempt = lease.attempt AND l.held_by IS DISTINCT FROM against;
      IF against NOT LIKE 'run:%' AND against NOT LIKE '%:per-run' THEN refused := refused || kind; END IF;
    END IF;
  END LOOP;
  RETURN ARRAY(SELECT DISTINCT unnest(freed) ORDER BY 1);
END $$;

-- How many of those who wait for a capsule nothing holds: neither a switch nor a budget.
CREATE OR REPLACE FUNCTION admissible(capsule text, agent text, waiting int) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN waiting = 0 OR NOT (has_budgets() OR EXISTS (SELECT FROM switches WHERE released_at IS NULL)) THEN waiting
    WHEN is_switched_off(agent, NULL) THEN 0
    ELSE (SELECT count(*)::int FROM leases l WHERE l.capsule_id = capsule AND l.granted_at IS NULL
      AND (l.reserved OR l.demand IS NULL OR NOT has_budgets())
      AND NOT EXISTS (SELECT FROM switches s
        WHERE s.released_at IS NULL AND s.scope = 'workflow' AND s.subject = l.workflow_id)) END
$$;

-- What a shift cost beyond (or below) what was counted when its leases were released; and what nobody worked for.
CREATE FUNCTION book_budgets(capsule text, gen int, booking jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  line record;
BEGIN
  FOR line IN SELECT t.who, s.cost - t.counted AS more FROM (
        SELECT run_id, step_id, (array_agg(l.who ORDER BY released_at DESC))[1] AS who, sum(l.counted) AS counted
        FROM lease_times l WHERE l.capsule_id = capsule AND l.generation = gen AND l.who IS NOT NULL
        GROUP BY run_id, step_id) t
      JOIN (SELECT (s->>'run_id')::uuid AS run_id, s->>'step_id' AS step_id, sum((s->>'capsule_cost')::numeric) AS cost
        FROM jsonb_array_elements(booking->'steps') s GROUP BY 1, 2) s USING (run_id, step_id)
      ORDER BY t.run_id, t.step_id LOOP
    IF line.more <> 0 THEN PERFORM add_spent(line.who, line.more); END IF;
  END LOOP;
  IF jsonb_array_length(booking->'steps') = 0 AND booking ? 'who' THEN
    PERFORM add_spent(booking->'who', (SELECT coalesce(sum((t->>'capsule_cost')::numeric), 0)
      FROM jsonb_array_elements(booking->'totals') t));
  END IF;
END $$;

CREATE OR REPLACE FUNCTION book_shift(capsule text, gen int, booking jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  budgeted boolean := has_budgets();
BEGIN
  -- Commits lock the end of the ledger before anything else: so does whoever changes what they change.
  IF budgeted THEN PERFORM FROM ledger_head FOR UPDATE; END IF;
  UPDATE shifts SET booked = true WHERE capsule_id = capsule AND generation = gen AND NOT booked;
  IF NOT FOUND THEN RETURN false; END IF;
  IF budgeted THEN PERFORM book_budgets(capsule, gen, booking); END IF;
  DELETE FROM lease_times WHERE capsule_id = capsule AND generation = gen;
  PERFORM add_costs(booking);
  RETURN true;
END $$;
