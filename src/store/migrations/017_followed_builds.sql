-- What became of builds that were asked for here; those without an end are followed.
ALTER TABLE redeploys ADD COLUMN ended_at bigint, ADD COLUMN status text;
CREATE INDEX redeploys_followed ON redeploys (asked_at) WHERE build_id IS NOT NULL AND ended_at IS NULL;
