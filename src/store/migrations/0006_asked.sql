-- Whether a machine was made without being looked at.
ALTER TABLE targets ADD COLUMN skip_initial_health_check INTEGER NOT NULL DEFAULT 1;
-- Whether a run that finds no target for any step is a success, as it always was.
ALTER TABLE runbooks ADD COLUMN allows_no_targets INTEGER NOT NULL DEFAULT 1;
