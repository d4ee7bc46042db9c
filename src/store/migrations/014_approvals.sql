-- What people are asked, as it stands in the run that asks; kept as long as the run.
CREATE TABLE approvals (
  id           uuid   PRIMARY KEY,
  run_id       uuid   NOT NULL,
  agent_id     text,
  state        text   NOT NULL,
  requested_at bigint NOT NULL,
  memo         jsonb  NOT NULL
);
CREATE INDEX approvals_newest ON approvals (requested_at DESC, id DESC);
CREATE INDEX approvals_open ON approvals (requested_at DESC, id DESC) WHERE state = 'requested';
CREATE INDEX approvals_of_run ON approvals (run_id);

CREATE FUNCTION apply_memos(memos jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO approvals (id, run_id, agent_id, state, requested_at, memo)
  SELECT (m->>'id')::uuid, (m->>'runId')::uuid, m->>'agentId', m->>'state', (m->>'requestedAt')::bigint, m
    FROM jsonb_array_elements(memos) m
  ON CONFLICT (id) DO UPDATE SET state = excluded.state, memo = excluded.memo;
$$;

-- What agents did so far, for their promotion: successful actions that people had approved, since the last
-- incident; and incidents. And how their tasks went, ever: `stated` are those that said how sure they were. Kept apart from the levels: commits of runs write the one, changes of level the other.
CREATE TABLE agent_counts (
  agent_id           text   PRIMARY KEY,
  supervised_actions bigint NOT NULL DEFAULT 0,
  incidents          bigint NOT NULL DEFAULT 0,
  last_incident      jsonb,
  tasks              bigint NOT NULL DEFAULT 0,
  succeeded          bigint NOT NULL DEFAULT 0,
  stated             bigint NOT NULL DEFAULT 0,
  stated_sum         double precision NOT NULL DEFAULT 0,
  stated_succeeded   bigint NOT NULL DEFAULT 0
);
CREATE TABLE agent_action_types (
  agent_id text   NOT NULL,
  type     text   NOT NULL,
  first_at bigint NOT NULL,
  PRIMARY KEY (agent_id, type)
);
CREATE TABLE agent_levels (
  agent_id text   PRIMARY KEY,
  level    text   NOT NULL CHECK (level IN ('supervised', 'autonomous')),
  since    bigint NOT NULL,
  reason   text   NOT NULL,
  actor    text   NOT NULL,
  version  int    NOT NULL,
  base     jsonb  NOT NULL
);

CREATE FUNCTION apply_acts(acts jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE act jsonb;
BEGIN
  FOR act IN SELECT * FROM jsonb_array_elements(acts) LOOP
    INSERT INTO agent_counts (agent_id) VALUES (act->>'agentId') ON CONFLICT DO NOTHING;
    UPDATE agent_counts SET tasks = tasks + 1,
        succeeded = succeeded + ok, stated = stated + said, stated_succeeded = stated_succeeded + ok * said,
        stated_sum = stated_sum + coalesce((act->>'confidence')::double precision, 0)
      FROM (SELECT (act->>'succeeded')::boolean::int AS ok, (act ? 'confidence')::int AS said) came
      WHERE agent_id = act->>'agentId';
    IF act ? 'incident' THEN
      UPDATE agent_counts SET supervised_actions = 0, incidents = incidents + 1,
          last_incident = jsonb_build_object('at', act->'at', 'text', act->'incident', 'runId', act->'runId')
        WHERE agent_id = act->>'agentId';
    ELSE
      UPDATE agent_counts SET supervised_actions = supervised_actions
          + CASE WHEN (act->>'supervised')::boolean THEN (act->>'actions')::bigint ELSE 0 END
        WHERE agent_id = act->>'agentId';
      INSERT INTO agent_action_types (agent_id, type, first_at)
      SELECT act->>'agentId', t.type, (act->>'at')::bigint FROM jsonb_array_elements_text(act->'types') t (type)
       WHERE (SELECT count(*) FROM agent_action_types k WHERE k.agent_id = act->>'agentId') < 1000
      ON CONFLICT DO NOTHING;
    END IF;
  END LOOP;
END $$;
