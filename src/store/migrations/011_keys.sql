-- API keys and sessions of the dashboard. Only hashes are kept; nothing here opens anything.
CREATE TABLE api_keys (
  id             text   PRIMARY KEY,
  name           text   NOT NULL,
  owner          text   NOT NULL,
  scopes         text[] NOT NULL CHECK (cardinality(scopes) > 0),
  hash           text   NOT NULL,
  previous_hash  text,
  previous_until bigint,
  created_at     bigint NOT NULL,
  rotated_at     bigint,
  expires_at     bigint,
  last_used_at   bigint,
  revoked_at     bigint,
  -- The request that made it, so that the same one again makes no second key.
  request_id     text   UNIQUE
);
CREATE INDEX api_keys_newest ON api_keys (created_at DESC, id DESC);

CREATE TABLE sessions (
  hash       text   PRIMARY KEY,
  key_id     text,
  actor      text   NOT NULL,
  owner      text   NOT NULL,
  scopes     text[] NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX sessions_over ON sessions (expires_at);
