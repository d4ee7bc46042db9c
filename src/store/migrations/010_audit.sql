-- The ledger only grows, whoever asks, the owner of the tables and superusers included: to change it
-- one has to switch this trigger off first, which is an act of its own. Statement triggers, so that a
-- commit pays nothing for them.

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger only grows: % on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege',
      HINT = 'Write a new entry that corrects the old one; see docs/audit.md.';
END $$;

CREATE TRIGGER ledger_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_only_grows;

CREATE TRIGGER ledger_head_stays BEFORE DELETE OR TRUNCATE ON ledger_head
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER ledger_head_stays;

-- The end of the chain moves with every commit, but never back.
CREATE TRIGGER ledger_head_advances BEFORE UPDATE ON ledger_head
  FOR EACH ROW WHEN (NEW.seq < OLD.seq) EXECUTE FUNCTION refuse_ledger_change();
ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER ledger_head_advances;

-- What people did is looked up by who did it. What the engine and agents did is nearly everything:
-- it is read from the newest backwards, and adds nothing to this index. The actor is the second text
-- of a body, whose keys are in order.
CREATE INDEX ledger_by_person ON ledger (split_part(body, '"', 8), seq)
  WHERE split_part(body, '"', 8) <> 'engine' AND split_part(body, '"', 8) NOT LIKE 'agent:%';

-- Entries of other entities that say which run they are about.
CREATE INDEX ledger_by_run ON ledger ((body::json->>'runId'), seq) WHERE body LIKE '%,"runId":"%';
