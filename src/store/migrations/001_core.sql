-- The record. Times are epoch milliseconds (bigint), as everywhere in Reveille.

-- Rows of one run are tied to each other by commit_changes and the purge, the only writers, and a capsule is
-- declared together with its activity; foreign keys would check on every step what cannot be otherwise.

-- What is listed and searched; changes only when a run begins and ends.
CREATE TABLE runs (
  id          uuid PRIMARY KEY,
  workflow_id text   NOT NULL,
  status      text   NOT NULL,
  created_at  bigint NOT NULL,
  finished_at bigint,
  -- The run whose step it does the work of.
  parent_id   uuid
);
CREATE INDEX runs_newest ON runs (created_at DESC, id DESC);
CREATE INDEX runs_by_workflow ON runs (workflow_id, created_at DESC, id DESC);
CREATE INDEX runs_open ON runs (workflow_id, created_at)
  WHERE status IN ('queued', 'running') AND parent_id IS NULL;
CREATE INDEX runs_by_parent ON runs (parent_id, created_at DESC, id DESC) WHERE parent_id IS NOT NULL;
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

-- The plans that runs are pinned to, by the SHA-256 of their canonical JSON: written once, so that a
-- transition need not carry them.
CREATE TABLE plans (
  hash text PRIMARY KEY,
  plan jsonb NOT NULL
);

-- What changes with every transition, under as few indexes as can be. A state of a few kilobytes
-- stays in its row: compressing it and writing it elsewhere would cost more than it saves.
CREATE TABLE run_states (
  run_id  uuid  PRIMARY KEY,
  version int   NOT NULL,
  due_at  bigint,
  plan    text  NOT NULL,
  state   jsonb NOT NULL
) WITH (toast_tuple_target = 8160);
CREATE INDEX run_states_due ON run_states (due_at) WHERE due_at IS NOT NULL;

-- Inputs and results apart from the state, so that a transition rewrites only what changed.
CREATE TABLE run_inputs (
  run_id uuid PRIMARY KEY,
  input  jsonb NOT NULL
);

CREATE TABLE step_results (
  run_id      uuid    NOT NULL,
  step_id     text    NOT NULL,
  attempt     int     NOT NULL,
  counted     boolean NOT NULL,
  received_at bigint  NOT NULL,
  result      jsonb   NOT NULL,
  PRIMARY KEY (run_id, step_id, attempt, counted)
);

-- What parked steps wait for. An empty key takes any.
CREATE TABLE waits (
  run_id  uuid   NOT NULL,
  step_id text   NOT NULL,
  attempt int    NOT NULL,
  kind    text   NOT NULL CHECK (kind IN ('event', 'approval')),
  name    text   NOT NULL,
  key     text   NOT NULL,
  since   bigint NOT NULL,
  PRIMARY KEY (run_id, step_id, attempt)
);
CREATE INDEX waits_by_name ON waits (name, key) WHERE kind = 'event';
CREATE INDEX waits_approvals ON waits (since DESC, run_id DESC) WHERE kind = 'approval';

-- What was announced. A step that begins to wait later still finds it.
CREATE TABLE events (
  id        uuid    PRIMARY KEY,
  name      text    NOT NULL,
  key       text    NOT NULL,
  payload   jsonb   NOT NULL,
  at        bigint  NOT NULL,
  delivered boolean NOT NULL DEFAULT false
);
CREATE INDEX events_by_name ON events (name, at);
CREATE INDEX events_undelivered ON events (at) WHERE NOT delivered;

-- Capsules' names sort by code point, so that no locale of the server has a say in the order.
CREATE TABLE capsules (
  id         text COLLATE "C" PRIMARY KEY,
  agent_id   text   NOT NULL,
  slots      int    NOT NULL CHECK (slots > 0),
  linger_ms  bigint NOT NULL,
  version    int    NOT NULL DEFAULT 1,
  status     text   NOT NULL,
  generation int    NOT NULL,
  due_at     bigint,
  state      jsonb  NOT NULL
);

-- What the leases add up to, kept with every lease change. Narrow and half-filled pages:
-- these rows change with every step.
CREATE TABLE capsule_activity (
  capsule_id    text COLLATE "C" PRIMARY KEY,
  held          int    NOT NULL DEFAULT 0 CHECK (held >= 0),
  waiting       int    NOT NULL DEFAULT 0 CHECK (waiting >= 0),
  busy_since    bigint,
  idle_since    bigint,
  work_ms       bigint NOT NULL DEFAULT 0,
  first_work_at bigint,
  last_work_at  bigint
) WITH (fillfactor = 50);

CREATE TABLE leases (
  run_id       uuid   NOT NULL,
  step_id      text   NOT NULL,
  attempt      int    NOT NULL,
  capsule_id   text COLLATE "C" NOT NULL,
  -- Higher is granted first.
  priority     int    NOT NULL DEFAULT 0,
  requested_at bigint NOT NULL,
  granted_at   bigint,
  generation   int,
  PRIMARY KEY (run_id, step_id, attempt)
);
CREATE INDEX leases_waiting ON leases (capsule_id, priority DESC, requested_at, run_id) WHERE granted_at IS NULL;
CREATE INDEX leases_held ON leases (capsule_id) WHERE granted_at IS NOT NULL;

CREATE TABLE shifts (
  capsule_id   text COLLATE "C" NOT NULL,
  generation   int    NOT NULL,
  requested_at bigint NOT NULL,
  shift        jsonb  NOT NULL,
  PRIMARY KEY (capsule_id, generation)
);
CREATE INDEX shifts_newest ON shifts (requested_at DESC, capsule_id DESC);

CREATE TABLE ticks (
  workflow_id   text   NOT NULL,
  scheduled_for bigint NOT NULL,
  action        text   NOT NULL CHECK (action IN ('fired', 'skipped')),
  reason        text   NOT NULL,
  late_ms       bigint NOT NULL,
  decided_at    bigint NOT NULL,
  run_id        uuid,
  PRIMARY KEY (workflow_id, scheduled_for)
);

CREATE TABLE schedules (
  workflow_id text PRIMARY KEY,
  fingerprint text   NOT NULL,
  known_since bigint NOT NULL
);

CREATE TABLE idempotency_keys (
  scope       text   NOT NULL,
  key         text   NOT NULL,
  fingerprint text   NOT NULL,
  run_id      uuid   NOT NULL,
  created_at  bigint NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE ledger (
  seq    bigint PRIMARY KEY,
  entity text NOT NULL,
  id     text NOT NULL,
  body   text NOT NULL,
  hash   text NOT NULL
);
CREATE INDEX ledger_by_entity ON ledger (entity, id, seq);

-- One row: the end of the chain. Locking it serialises commits, which makes every check in
-- commit_changes free of races between orchestrators.
CREATE TABLE ledger_head (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  seq      bigint NOT NULL,
  hash     text   NOT NULL
);
INSERT INTO ledger_head (seq, hash) VALUES (0, repeat('0', 64));

CREATE TABLE shared_secrets (
  name  text PRIMARY KEY,
  value text NOT NULL
);
