-- What the platform last told of each capsule, so that drift is seen wherever it is asked for. No part of the
-- record: it is read back from the platform at any time, changes with every shift, and leaves no entry in the ledger.
CREATE TABLE capsule_observations (
  capsule_id text   PRIMARY KEY,
  -- Null: it could not be told.
  running    int,
  -- Since when it is the same, as far as it was looked at.
  since      bigint NOT NULL,
  at         bigint NOT NULL
);
