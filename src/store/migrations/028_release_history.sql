-- What retention removes is found by its time, however much is kept.
CREATE INDEX release_work_ended ON release_work (at) WHERE ended IS NOT NULL;
CREATE INDEX rollouts_finished ON rollouts (((state->>'finishedAt')::bigint)) WHERE status IN ('done', 'rolled-back');
