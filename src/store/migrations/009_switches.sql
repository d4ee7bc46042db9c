-- What somebody turned off. On until it is released; the sweeper releases those whose time is over.
CREATE TABLE switches (
  id          uuid   PRIMARY KEY,
  scope       text   NOT NULL CHECK (scope IN ('global', 'agent', 'workflow', 'environment')),
  subject     text   NOT NULL,
  message     text   NOT NULL,
  owner       text   NOT NULL,
  created_at  bigint NOT NULL,
  expires_at  bigint,
  in_force_at bigint,
  released_at bigint,
  released_by text
);
CREATE INDEX switches_on ON switches (created_at, id) WHERE released_at IS NULL;
CREATE INDEX switches_newest ON switches (created_at DESC, id DESC);

-- Emergency stops, and how far each has come. Results of attempts from before `revoked_before` are refused.
CREATE TABLE emergency_stops (
  id             uuid   PRIMARY KEY,
  version        int    NOT NULL DEFAULT 1,
  asked_at       bigint NOT NULL,
  due_at         bigint,
  revoked_before bigint,
  state          jsonb  NOT NULL
);
CREATE INDEX emergency_stops_due ON emergency_stops (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX emergency_stops_revoked ON emergency_stops (revoked_before) WHERE revoked_before IS NOT NULL;

-- Whose work a lease is asked for: a workflow that is switched off stands in line without being served.
ALTER TABLE leases ADD COLUMN workflow_id text;

-- Whether a switch is on over an agent's work for a workflow (null: for none in particular). Commits take turns
-- (ledger_head), and setting a switch is a commit: whoever asks within one misses none.
CREATE FUNCTION is_switched_off(agent text, workflow text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM switches WHERE released_at IS NULL AND (scope = 'global'
    OR (scope = 'agent' AND subject = agent)
    OR (scope = 'workflow' AND subject = workflow)
    OR (scope = 'environment' AND subject = current_setting('reveille.environment', true))))
$$;

-- How many of those who wait for a capsule no switch holds.
CREATE FUNCTION admissible(capsule text, agent text, waiting int) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN waiting = 0 OR NOT EXISTS (SELECT FROM switches WHERE released_at IS NULL) THEN waiting
    WHEN is_switched_off(agent, NULL) THEN 0
    ELSE (SELECT count(*)::int FROM leases l WHERE l.capsule_id = capsule AND l.granted_at IS NULL
      AND NOT EXISTS (SELECT FROM switches s
        WHERE s.released_at IS NULL AND s.scope = 'workflow' AND s.subject = l.workflow_id)) END
$$;

-- The gate, as of the commit that records the intent: null, or the conflict. Guards that come later ask here.
CREATE FUNCTION check_guards(agent text, workflow text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  IF is_switched_off(agent, workflow) THEN RETURN '{"conflict": "held"}'; END IF;
  RETURN NULL;
END $$;
