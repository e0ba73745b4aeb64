-- A company's file. One company, so no table has a company column.
-- Times are milliseconds since 1970 UTC. *_key columns are names folded for comparison.

CREATE TABLE company (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    key_fingerprint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    access_version INTEGER NOT NULL DEFAULT 1,
    -- Since when the company is closed to its people; its tasks wait.
    suspended_at INTEGER,
    suspended_why TEXT NOT NULL DEFAULT '',
    -- The slug it is being moved to, while its folder is on the way; what a crash left is ended at the next opening.
    moving_to TEXT,
    -- Since when it is being removed; what a crash left is removed at the next start.
    removed_at INTEGER
) STRICT;

-- What the company has settled for itself, and the limits that the operator has set it. One row.
CREATE TABLE settings (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    time_zone TEXT NOT NULL DEFAULT 'UTC',
    second_factor TEXT NOT NULL DEFAULT 'everyone' CHECK (second_factor IN ('nobody', 'holders', 'everyone')),
    -- JSON: ["AdministerSystem", "DeploymentCreate"]; counts when second_factor is 'holders'
    second_factor_permissions TEXT NOT NULL DEFAULT '["AdministerSystem", "ConfigureServer", "UserEdit", "TeamEdit"]',
    -- When the rule on second factors last became stricter: the days of grace run from here.
    second_factor_since INTEGER NOT NULL DEFAULT 0,
    grace_days INTEGER NOT NULL DEFAULT 0 CHECK (grace_days BETWEEN 0 AND 90),
    password_min INTEGER NOT NULL DEFAULT 12 CHECK (password_min BETWEEN 12 AND 128),
    session_idle_minutes INTEGER NOT NULL DEFAULT 720 CHECK (session_idle_minutes BETWEEN 5 AND 10080),
    session_absolute_minutes INTEGER NOT NULL DEFAULT 20160 CHECK (session_absolute_minutes BETWEEN 15 AND 129600),
    people_may_have_keys INTEGER NOT NULL DEFAULT 1,
    key_days_max INTEGER NOT NULL DEFAULT 3650 CHECK (key_days_max BETWEEN 1 AND 3650),
    key_days_usual INTEGER NOT NULL DEFAULT 180 CHECK (key_days_usual BETWEEN 1 AND 3650),
    from_address TEXT,
    brand_name TEXT,
    -- "#rrggbb"
    brand_accent TEXT,
    -- A PNG that was decoded and encoded anew, and the beginning of its digest for its address.
    brand_logo BLOB,
    brand_logo_digest TEXT,
    -- Whether tenants' own people are told in the portal what it is made with.
    names_product INTEGER NOT NULL DEFAULT 0 CHECK (names_product IN (0, 1)),
    -- Limits, set by the operator; NULL is none.
    disk_bytes INTEGER,
    people INTEGER,
    running_tasks INTEGER,
    requests_per_minute INTEGER,
    -- Where the trail's checkpoints go beside their file.
    checkpoint_syslog INTEGER NOT NULL DEFAULT 0,
    checkpoint_webhook TEXT,
    retention_days INTEGER NOT NULL DEFAULT 90 CHECK (retention_days BETWEEN 1 AND 3650)
) STRICT;
INSERT INTO settings (one) VALUES (1);

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('invited', 'active', 'inactive')),
    is_service INTEGER NOT NULL DEFAULT 0,
    password_hash TEXT,
    -- Browsers that were known before are not any more.
    devices_since INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER
) STRICT;

-- Second factors: several a person. None is ever accepted twice: `counter` only grows.
CREATE TABLE factors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('totp', 'passkey')),
    name TEXT NOT NULL,
    -- Sealed: the secret of an authenticator app, or a passkey as JSON.
    sealed BLOB NOT NULL,
    -- How a passkey is found when it signs in alone.
    credential BLOB UNIQUE,
    -- The last step of time whose code was used, or a passkey's own count of signatures.
    counter INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    CHECK ((kind = 'passkey') = (credential IS NOT NULL))
) STRICT;
CREATE INDEX factors_by_user ON factors (user_id);

-- Ten of a person at once, with one salt; a used one stays until they are made anew.
CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    salt BLOB NOT NULL,
    code_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE one_time_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('invitation', 'reset')),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Who made it for them: what somebody handed out goes with them.
    made_by INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    stage TEXT NOT NULL CHECK (stage IN ('enrol', 'code', 'full')),
    pending_secret BLOB,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    -- When this session last proved a second factor.
    proved_at INTEGER,
    address TEXT NOT NULL DEFAULT '',
    agent TEXT NOT NULL DEFAULT '',
    -- Whether that person had signed in with this browser before.
    known_device INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    purpose TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    -- JSON: networks the key may come from, as ["192.0.2.0/24"]; [] means from everywhere
    addresses TEXT NOT NULL DEFAULT '[]',
    -- It holds only what api_key_permissions and api_key_limits leave of what its owner may.
    narrowed INTEGER NOT NULL DEFAULT 0,
    -- Which warnings of its end were told: 0 none, 1 twenty days before, 2 ten days before, 3 that it ended
    warned INTEGER NOT NULL DEFAULT 0,
    -- When it was last told that it came from elsewhere
    refused_at INTEGER
) STRICT;
CREATE INDEX api_keys_by_user ON api_keys (user_id);
CREATE INDEX api_keys_by_end ON api_keys (expires_at) WHERE warned < 3;

-- No row means all permissions of the owner.
CREATE TABLE api_key_permissions (
    key_id INTEGER NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (key_id, permission)
) STRICT, WITHOUT ROWID;

-- The day (since 1970, UTC) on which somebody last used a permission.
CREATE TABLE permission_uses (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (user_id, permission)
) STRICT, WITHOUT ROWID;

-- That somebody looked through who may do what, and stands for it. The trail has it too.
CREATE TABLE access_reviews (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    reviewer TEXT NOT NULL,
    note TEXT NOT NULL,
    people INTEGER NOT NULL,
    unused INTEGER NOT NULL
) STRICT;

-- No row for a dimension means no restriction on it. A row whose thing is gone goes on restricting.
CREATE TABLE api_key_limits (
    key_id INTEGER NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    dimension TEXT NOT NULL CHECK (dimension IN ('space', 'group', 'project', 'environment', 'tenant', 'runbook')),
    target_id INTEGER NOT NULL,
    PRIMARY KEY (key_id, dimension, target_id)
) STRICT, WITHOUT ROWID;

-- As whom the signed tokens of others (a CI job's) are taken: for service accounts only.
CREATE TABLE oidc_identities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    -- with * for any letters
    subject TEXT NOT NULL,
    audience TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    -- When it was last told that a token was not taken
    failed_at INTEGER,
    UNIQUE (user_id, issuer, subject)
) STRICT;

-- Short-lived tokens given in exchange for those.
CREATE TABLE access_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE,
    identity_id INTEGER NOT NULL REFERENCES oidc_identities (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX access_tokens_by_end ON access_tokens (expires_at);

-- Invitations for whoever holds the code, who says their own name.
CREATE TABLE open_invitations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE,
    inviter TEXT NOT NULL,
    -- Who invited: it is looked at again what they may give when the code is used. NULL: the operator.
    inviter_id INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE TABLE open_invitation_teams (
    invitation_id INTEGER NOT NULL REFERENCES open_invitations (id) ON DELETE CASCADE,
    team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    PRIMARY KEY (invitation_id, team_id)
) STRICT, WITHOUT ROWID;

-- What is to be sent by mail. The text is sealed, and removed once it was sent or given up.
CREATE TABLE letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    kind TEXT NOT NULL CHECK (kind IN ('invitation', 'reset', 'notice', 'test')),
    receiver TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    problem TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX letters_due ON letters (next_at) WHERE state = 'waiting';

-- Failures of sign-in, counted before a password or code is looked at: per person, unknown name, device, address and
-- for the company as a whole.
CREATE TABLE attempts (
    key TEXT PRIMARY KEY,
    count REAL NOT NULL,
    at INTEGER NOT NULL,
    next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_age ON attempts (at);

CREATE TABLE spaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT '',
    is_default INTEGER NOT NULL DEFAULT 0,
    task_queue_stopped INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_default_space ON spaces (is_default) WHERE is_default = 1;

CREATE TABLE teams (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER REFERENCES spaces (id) ON DELETE CASCADE,
    -- The tenant whose own people it is for: its members have the portal. Stays when the tenant is gone, and then reaches
    -- nothing; ids are never used again.
    tenant_id INTEGER CHECK (tenant_id IS NULL OR (space_id IS NOT NULL AND builtin IS NULL)),
    builtin TEXT CHECK (builtin IN ('everyone', 'administrators', 'managers', 'spacemanagers')),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    -- Not empty: a team for emergencies. Its members hold its roles only while an emergency of theirs lasts, which they
    -- begin with a reason; none lasts longer than so many hours.
    emergency_hours INTEGER CHECK (emergency_hours BETWEEN 1 AND 72)
) STRICT;
CREATE UNIQUE INDEX team_names ON teams (COALESCE(space_id, 0), name_key);
CREATE UNIQUE INDEX self_service_teams ON teams (tenant_id) WHERE tenant_id IS NOT NULL;

CREATE TABLE team_members (
    team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Since when, for the review of access: what is new cannot have been used yet.
    since INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
    PRIMARY KEY (team_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_by_user ON team_members (user_id);

-- Emergencies: a member of a team for emergencies used it, for a reason, until the end. What a crash or a halt left
-- open has ended all the same: `ends_at` is looked at with each request.
CREATE TABLE emergencies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    -- When it was ended, or its end was told.
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX emergencies_open ON emergencies (team_id, user_id) WHERE ended_at IS NULL;
CREATE INDEX emergencies_by_team ON emergencies (team_id);
CREATE INDEX emergencies_by_user ON emergencies (user_id);

-- The permissions that this company's roles were ever looked through for, in the order in which they came to be known.
CREATE TABLE known_permissions (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE user_roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    builtin TEXT UNIQUE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT '',
    -- The last of the known permissions when somebody decided what this role holds: later ones are offered for it, and
    -- never join it by themselves.
    known_to INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE role_permissions (
    role_id INTEGER NOT NULL REFERENCES user_roles (id) ON DELETE CASCADE,
    level TEXT NOT NULL CHECK (level IN ('system', 'space')),
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, level, permission)
) STRICT, WITHOUT ROWID;

CREATE TABLE scoped_roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    role_id INTEGER NOT NULL REFERENCES user_roles (id),
    space_id INTEGER REFERENCES spaces (id) ON DELETE CASCADE,
    since INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
    expires_at INTEGER,
    -- The trail has told that it ended.
    ending_told INTEGER NOT NULL DEFAULT 0 CHECK (ending_told IN (0, 1))
) STRICT;
CREATE INDEX scoped_roles_by_team ON scoped_roles (team_id);
CREATE INDEX scoped_roles_by_role ON scoped_roles (role_id);
CREATE INDEX scoped_roles_that_end ON scoped_roles (expires_at) WHERE expires_at IS NOT NULL AND ending_told = 0;

-- No row for a dimension means no restriction on it.
CREATE TABLE scoped_role_limits (
    scoped_role_id INTEGER NOT NULL REFERENCES scoped_roles (id) ON DELETE CASCADE,
    dimension TEXT NOT NULL CHECK (dimension IN ('group', 'project', 'environment', 'tenant', 'runbook')),
    target_id INTEGER NOT NULL,
    PRIMARY KEY (scoped_role_id, dimension, target_id)
) STRICT, WITHOUT ROWID;

-- The trail. Each row's hash covers the row before it. No foreign keys: the trail outlives what it tells of.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    category TEXT NOT NULL,
    space_id INTEGER,
    group_id INTEGER,
    project_id INTEGER,
    environment_id INTEGER,
    tenant_id INTEGER,
    runbook_id INTEGER,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('user', 'service', 'engine', 'operator', 'nobody')),
    actor_id INTEGER,
    actor_name TEXT NOT NULL,
    means TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    message TEXT NOT NULL,
    -- JSON: [{"id": "Projects-1", "start": 8, "length": 4}]
    related TEXT NOT NULL,
    -- JSON: {"Name": {"from": "a", "to": "b"}}, secrets only as changed
    details TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX events_by_space ON events (space_id, id);
CREATE INDEX events_by_category ON events (category, id);
CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_project ON events (project_id, id) WHERE project_id IS NOT NULL;
CREATE INDEX events_by_environment ON events (environment_id, id) WHERE environment_id IS NOT NULL;
CREATE INDEX events_by_tenant ON events (tenant_id, id) WHERE tenant_id IS NOT NULL;
CREATE INDEX events_by_actor ON events (actor_id, id) WHERE actor_id IS NOT NULL;

-- Where the trail ends: marked with the company's key, so that an end that was cut off is told.
CREATE TABLE trail_end (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    event INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    checkpoints INTEGER NOT NULL,
    mark BLOB NOT NULL CHECK (length(mark) = 32)
) STRICT;

-- What stands in the place of events that lie in a file of their day. Signed with the company's key.
CREATE TABLE tombstones (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    file TEXT NOT NULL UNIQUE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    bytes INTEGER NOT NULL,
    at INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    removed_at INTEGER,
    removal BLOB CHECK (length(removal) = 64)
) STRICT;
CREATE TRIGGER events_stay BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM tombstones WHERE old.id BETWEEN first AND last)
BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER events_hold BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER tombstones_stay BEFORE DELETE ON tombstones BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER tombstones_hold BEFORE UPDATE OF id, day, file, first, last, bytes, at, hash, digest, signature ON tombstones
BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;

-- Refusals that were told once and are counted since, by the run of the program that counts them; their event takes the
-- row away. A crash leaves the rows of its run behind.
CREATE TABLE counted (
    run INTEGER NOT NULL,
    what TEXT NOT NULL,
    since INTEGER NOT NULL,
    more INTEGER NOT NULL,
    -- JSON: who, by which means, and the event.
    told TEXT NOT NULL,
    PRIMARY KEY (run, what)
) STRICT, WITHOUT ROWID;

-- How far the checkpoints were told to others who keep them.
CREATE TABLE witnesses (
    kind TEXT PRIMARY KEY CHECK (kind IN ('syslog', 'webhook')),
    told INTEGER NOT NULL DEFAULT 0,
    told_at INTEGER,
    fault TEXT NOT NULL DEFAULT '',
    tries INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE project_groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    UNIQUE (space_id, name_key),
    UNIQUE (space_id, slug)
) STRICT;

CREATE TABLE environments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    sort_order INTEGER NOT NULL DEFAULT 0,
    use_guided_failure INTEGER NOT NULL DEFAULT 0,
    allow_dynamic_infrastructure INTEGER NOT NULL DEFAULT 0,
    UNIQUE (space_id, name_key),
    UNIQUE (space_id, slug)
) STRICT;
CREATE INDEX environments_in_order ON environments (space_id, sort_order, id);

CREATE TABLE lifecycles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    is_default INTEGER NOT NULL DEFAULT 0,
    UNIQUE (space_id, name_key),
    UNIQUE (space_id, slug)
) STRICT;

CREATE TABLE phases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lifecycle_id INTEGER NOT NULL REFERENCES lifecycles (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    minimum INTEGER NOT NULL DEFAULT 0,
    is_optional INTEGER NOT NULL DEFAULT 0,
    UNIQUE (lifecycle_id, position)
) STRICT;

CREATE TABLE phase_environments (
    phase_id INTEGER NOT NULL REFERENCES phases (id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    automatic INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (phase_id, environment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX phase_environments_by_environment ON phase_environments (environment_id);

CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES project_groups (id),
    lifecycle_id INTEGER NOT NULL REFERENCES lifecycles (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    is_disabled INTEGER NOT NULL DEFAULT 0,
    tenanted TEXT NOT NULL DEFAULT 'Untenanted' CHECK (tenanted IN ('Untenanted', 'TenantedOrUntenanted', 'Tenanted')),
    cloned_from INTEGER,
    created_at INTEGER NOT NULL,
    UNIQUE (space_id, name_key),
    UNIQUE (space_id, slug)
) STRICT;
CREATE INDEX projects_by_group ON projects (group_id);

-- The process of a project: its steps as JSON, with a version that a stale save runs into.
CREATE TABLE processes (
    project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    version INTEGER NOT NULL DEFAULT 0,
    next_id INTEGER NOT NULL DEFAULT 1,
    steps TEXT NOT NULL DEFAULT '[]'
) STRICT;

CREATE TABLE channels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    is_default INTEGER NOT NULL DEFAULT 0,
    UNIQUE (project_id, name_key)
) STRICT;

CREATE TABLE tag_sets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    sort_order INTEGER NOT NULL DEFAULT 0,
    UNIQUE (space_id, name_key)
) STRICT;
CREATE INDEX tag_sets_in_order ON tag_sets (space_id, sort_order, id);

CREATE TABLE tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tag_set_id INTEGER NOT NULL REFERENCES tag_sets (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    color TEXT NOT NULL DEFAULT '#6E7781',
    description TEXT NOT NULL DEFAULT '',
    sort_order INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tag_set_id, name_key)
) STRICT;

CREATE TABLE tenants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    is_disabled INTEGER NOT NULL DEFAULT 0,
    cloned_from INTEGER,
    created_at INTEGER NOT NULL,
    UNIQUE (space_id, name_key),
    UNIQUE (space_id, slug)
) STRICT;

CREATE TABLE tenant_tags (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id),
    PRIMARY KEY (tenant_id, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_tags_by_tag ON tenant_tags (tag_id);

CREATE TABLE tenant_projects (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    PRIMARY KEY (tenant_id, project_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_projects_by_project ON tenant_projects (project_id);

CREATE TABLE tenant_environments (
    tenant_id INTEGER NOT NULL,
    project_id INTEGER NOT NULL,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    PRIMARY KEY (tenant_id, project_id, environment_id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES tenant_projects (tenant_id, project_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_environments_by_environment ON tenant_environments (environment_id);

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL CHECK (kind IN ('SshKeyPair', 'UsernamePassword')),
    username TEXT NOT NULL,
    -- Sealed with the company's key.
    secret BLOB,
    passphrase BLOB,
    UNIQUE (space_id, name_key)
) STRICT;
CREATE TABLE account_environments (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    PRIMARY KEY (account_id, environment_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE targets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    is_disabled INTEGER NOT NULL DEFAULT 0,
    participation TEXT NOT NULL DEFAULT 'Untenanted' CHECK (participation IN ('Untenanted', 'Tenanted', 'TenantedOrUntenanted')),
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    host_key TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    health TEXT NOT NULL DEFAULT 'Unknown' CHECK (health IN ('Unknown', 'Healthy', 'Unavailable')),
    health_note TEXT NOT NULL DEFAULT '',
    health_at INTEGER,
    UNIQUE (space_id, name_key)
) STRICT;
CREATE INDEX targets_by_account ON targets (account_id);
CREATE TABLE target_environments (
    target_id INTEGER NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    PRIMARY KEY (target_id, environment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX target_environments_by_environment ON target_environments (environment_id);
CREATE TABLE target_roles (
    target_id INTEGER NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    role_key TEXT NOT NULL,
    PRIMARY KEY (target_id, role_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE target_tenants (
    target_id INTEGER NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    PRIMARY KEY (target_id, tenant_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE target_tenant_tags (
    target_id INTEGER NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id),
    PRIMARY KEY (target_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE releases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL REFERENCES channels (id),
    version TEXT NOT NULL,
    version_key TEXT NOT NULL,
    notes TEXT NOT NULL DEFAULT '',
    assembled_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    -- The process as it was, frozen.
    steps TEXT NOT NULL,
    UNIQUE (project_id, version_key)
) STRICT;
CREATE INDEX releases_by_project ON releases (project_id, id);

CREATE TABLE deployments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    release_id INTEGER NOT NULL REFERENCES releases (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL REFERENCES channels (id),
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    tenant_id INTEGER REFERENCES tenants (id),
    task_id INTEGER NOT NULL REFERENCES tasks (id),
    name TEXT NOT NULL,
    comments TEXT NOT NULL DEFAULT '',
    -- JSON list of step names to leave out, of machine ids to deploy to only, and of those to leave out.
    skip_steps TEXT NOT NULL DEFAULT '[]',
    only_targets TEXT NOT NULL DEFAULT '[]',
    not_targets TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    created_by_id INTEGER,
    created_by TEXT NOT NULL
) STRICT;
CREATE INDEX deployments_by_release ON deployments (release_id, environment_id, tenant_id);
CREATE INDEX deployments_by_place ON deployments (project_id, environment_id, tenant_id, id);
CREATE INDEX deployments_by_tenant ON deployments (tenant_id, id);
CREATE INDEX deployments_by_environment ON deployments (environment_id);
CREATE UNIQUE INDEX deployments_by_task ON deployments (task_id);

-- A process of a project that is run where it is needed, without a release.
CREATE TABLE runbooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    tenanted TEXT NOT NULL DEFAULT 'Untenanted' CHECK (tenanted IN ('Untenanted', 'TenantedOrUntenanted', 'Tenanted')),
    environment_scope TEXT NOT NULL DEFAULT 'FromProjectLifecycles' CHECK (environment_scope IN ('All', 'Specified', 'FromProjectLifecycles')),
    -- The snapshot that is run when none is named; NULL until the first is published.
    published_id INTEGER REFERENCES runbook_snapshots (id) ON DELETE SET NULL,
    published_at INTEGER,
    created_at INTEGER NOT NULL,
    -- Its process, as in `processes`.
    version INTEGER NOT NULL DEFAULT 0,
    steps TEXT NOT NULL DEFAULT '[]',
    UNIQUE (project_id, name_key),
    UNIQUE (project_id, slug)
) STRICT;
CREATE INDEX runbooks_by_space ON runbooks (space_id);
-- Where it may run when its scope is 'Specified'.
CREATE TABLE runbook_environments (
    runbook_id INTEGER NOT NULL REFERENCES runbooks (id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    PRIMARY KEY (runbook_id, environment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX runbook_environments_by_environment ON runbook_environments (environment_id);

CREATE TABLE runbook_snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    runbook_id INTEGER NOT NULL REFERENCES runbooks (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    notes TEXT NOT NULL DEFAULT '',
    assembled_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    -- The process as it was, frozen.
    steps TEXT NOT NULL,
    UNIQUE (runbook_id, name_key)
) STRICT;

CREATE TABLE runbook_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    runbook_id INTEGER NOT NULL REFERENCES runbooks (id) ON DELETE CASCADE,
    snapshot_id INTEGER NOT NULL REFERENCES runbook_snapshots (id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    tenant_id INTEGER REFERENCES tenants (id),
    task_id INTEGER NOT NULL REFERENCES tasks (id),
    name TEXT NOT NULL,
    comments TEXT NOT NULL DEFAULT '',
    -- As those of a deployment.
    skip_steps TEXT NOT NULL DEFAULT '[]',
    only_targets TEXT NOT NULL DEFAULT '[]',
    not_targets TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    created_by_id INTEGER,
    created_by TEXT NOT NULL
) STRICT;
CREATE INDEX runbook_runs_by_runbook ON runbook_runs (runbook_id, id);
CREATE INDEX runbook_runs_by_project ON runbook_runs (project_id, id);
CREATE INDEX runbook_runs_by_tenant ON runbook_runs (tenant_id, id);
CREATE INDEX runbook_runs_by_environment ON runbook_runs (environment_id);
CREATE UNIQUE INDEX runbook_runs_by_task ON runbook_runs (task_id);

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER REFERENCES spaces (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('Deploy', 'RunbookRun', 'Health')),
    description TEXT NOT NULL,
    -- JSON object, such as {"DeploymentId": "Deployments-1"}
    arguments TEXT NOT NULL DEFAULT '{}',
    project_id INTEGER,
    group_id INTEGER,
    environment_id INTEGER,
    tenant_id INTEGER,
    runbook_id INTEGER,
    state TEXT NOT NULL CHECK (state IN ('Queued', 'Executing', 'Cancelling', 'Success', 'Failed', 'Canceled', 'TimedOut')),
    -- Tasks with the same key never execute together.
    exclusive_key TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    not_before INTEGER,
    not_after INTEGER,
    started_at INTEGER,
    completed_at INTEGER,
    updated_at INTEGER NOT NULL,
    error TEXT NOT NULL DEFAULT '',
    warnings INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0,
    created_by_id INTEGER,
    created_by TEXT NOT NULL
) STRICT;
-- Of a task that is about several environments or tenants (the health check of a machine that stands in two): all of them.
CREATE TABLE task_scopes (
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    dimension TEXT NOT NULL CHECK (dimension IN ('environment', 'tenant')),
    target_id INTEGER NOT NULL,
    PRIMARY KEY (task_id, dimension, target_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_at_a_time ON tasks (exclusive_key) WHERE state IN ('Executing', 'Cancelling');
CREATE INDEX tasks_waiting ON tasks (id) WHERE state = 'Queued';
CREATE INDEX tasks_running ON tasks (id) WHERE state IN ('Executing', 'Cancelling');
CREATE INDEX tasks_by_space ON tasks (space_id, id);
CREATE INDEX tasks_by_project ON tasks (project_id, id);

-- What a task did, recorded before it goes on to the next.
CREATE TABLE task_steps (
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    -- "1", "1.2": the step and, below it, the machine.
    number TEXT NOT NULL,
    parent TEXT,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('Pending', 'Running', 'Success', 'Failed', 'Skipped', 'SuccessWithWarning', 'Canceled', 'Unknown')),
    started_at INTEGER,
    ended_at INTEGER,
    position INTEGER NOT NULL,
    PRIMARY KEY (task_id, number)
) STRICT, WITHOUT ROWID;

-- What the door remembers between requests holds for one access version. These raise it with every change of what that
-- was made of, whichever program makes it. The times of use alone are left out: they change nothing that is remembered.
-- A new column of users, sessions and api_keys belongs into these lists; a test compares them.
CREATE TRIGGER users_changed AFTER UPDATE OF id, username, username_key, display_name, email, email_key, state, is_service, password_hash, devices_since, created_at
    ON users BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER users_gone AFTER DELETE ON users BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER sessions_changed AFTER UPDATE OF id, token_hash, user_id, stage, pending_secret, created_at, expires_at, failures, proved_at, address, agent, known_device
    ON sessions BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER sessions_gone AFTER DELETE ON sessions BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER api_keys_changed AFTER UPDATE OF id, user_id, key_hash, hint, purpose, created_at, expires_at, addresses, narrowed, warned, refused_at
    ON api_keys BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER keys_of_people_changed AFTER UPDATE OF people_may_have_keys ON settings BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER api_keys_gone AFTER DELETE ON api_keys BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER teams_made AFTER INSERT ON teams BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER teams_changed AFTER UPDATE ON teams BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER teams_gone AFTER DELETE ON teams BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER team_members_made AFTER INSERT ON team_members BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER team_members_changed AFTER UPDATE ON team_members BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER team_members_gone AFTER DELETE ON team_members BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER emergencies_made AFTER INSERT ON emergencies BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER emergencies_changed AFTER UPDATE ON emergencies BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER emergencies_gone AFTER DELETE ON emergencies BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER user_roles_made AFTER INSERT ON user_roles BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER user_roles_changed AFTER UPDATE ON user_roles BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER user_roles_gone AFTER DELETE ON user_roles BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER role_permissions_made AFTER INSERT ON role_permissions BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER role_permissions_changed AFTER UPDATE ON role_permissions BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER role_permissions_gone AFTER DELETE ON role_permissions BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER scoped_roles_made AFTER INSERT ON scoped_roles BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER scoped_roles_changed AFTER UPDATE ON scoped_roles BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER scoped_roles_gone AFTER DELETE ON scoped_roles BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER scoped_role_limits_made AFTER INSERT ON scoped_role_limits BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER scoped_role_limits_changed AFTER UPDATE ON scoped_role_limits BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER scoped_role_limits_gone AFTER DELETE ON scoped_role_limits BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER spaces_made AFTER INSERT ON spaces BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER spaces_changed AFTER UPDATE ON spaces BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER spaces_gone AFTER DELETE ON spaces BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER api_key_permissions_made AFTER INSERT ON api_key_permissions BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER api_key_permissions_changed AFTER UPDATE ON api_key_permissions BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER api_key_permissions_gone AFTER DELETE ON api_key_permissions BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER api_key_limits_made AFTER INSERT ON api_key_limits BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER api_key_limits_changed AFTER UPDATE ON api_key_limits BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER api_key_limits_gone AFTER DELETE ON api_key_limits BEGIN UPDATE company SET access_version = access_version + 1; END;
