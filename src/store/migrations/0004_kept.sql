-- What the next version of a project is made of.
ALTER TABLE projects ADD COLUMN version_template TEXT NOT NULL
    DEFAULT '#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.#{Octopus.Version.NextPatch}';
-- Whether it may be deployed where there is no target for it.
ALTER TABLE projects ADD COLUMN allows_no_targets INTEGER NOT NULL DEFAULT 0 CHECK (allows_no_targets IN (0, 1));

-- What was said of a release when it was made. A JSON object of texts.
ALTER TABLE releases ADD COLUMN ignore_channel_rules INTEGER NOT NULL DEFAULT 0 CHECK (ignore_channel_rules IN (0, 1));
ALTER TABLE releases ADD COLUMN custom_fields TEXT NOT NULL DEFAULT '{}';

-- How long releases, files on targets and runs are kept, as JSON; empty: for ever. Of a phase, NULL: as the one before it.
ALTER TABLE lifecycles ADD COLUMN release_retention TEXT NOT NULL DEFAULT '';
ALTER TABLE lifecycles ADD COLUMN tentacle_retention TEXT NOT NULL DEFAULT '';
ALTER TABLE phases ADD COLUMN release_retention TEXT;
ALTER TABLE phases ADD COLUMN tentacle_retention TEXT;
ALTER TABLE runbooks ADD COLUMN run_retention TEXT NOT NULL DEFAULT '';
