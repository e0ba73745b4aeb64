-- Steps keep the tags that they name by id, so that they follow a tag or a set that is renamed. A name that is no tag any
-- more stays as it is: its step is told of when it is to run.
CREATE TEMP TABLE step_tags AS
    SELECT s.space_id, lower(s.name || '/' || t.name) AS name, 'Tags-' || t.id AS id
    FROM tags t JOIN tag_sets s ON s.id = t.tag_set_id;

UPDATE processes SET steps = (
    SELECT json_group_array(json(json_set(s.value, '$.Actions', json((
        SELECT json_group_array(json(json_set(a.value, '$.TenantTags', json((
            SELECT json_group_array(COALESCE((SELECT k.id FROM temp.step_tags k WHERE k.name = lower(g.value)
                AND k.space_id = (SELECT space_id FROM projects WHERE id = processes.project_id)), g.value))
            FROM json_each(a.value, '$.TenantTags') g)))))
        FROM json_each(s.value, '$.Actions') a)))))
    FROM json_each(processes.steps) s)
WHERE instr(steps, '"TenantTags":["') > 0;

UPDATE runbooks SET steps = (
    SELECT json_group_array(json(json_set(s.value, '$.Actions', json((
        SELECT json_group_array(json(json_set(a.value, '$.TenantTags', json((
            SELECT json_group_array(COALESCE((SELECT k.id FROM temp.step_tags k WHERE k.name = lower(g.value)
                AND k.space_id = runbooks.space_id), g.value))
            FROM json_each(a.value, '$.TenantTags') g)))))
        FROM json_each(s.value, '$.Actions') a)))))
    FROM json_each(runbooks.steps) s)
WHERE instr(steps, '"TenantTags":["') > 0;

UPDATE releases SET steps = (
    SELECT json_group_array(json(json_set(s.value, '$.Actions', json((
        SELECT json_group_array(json(json_set(a.value, '$.TenantTags', json((
            SELECT json_group_array(COALESCE((SELECT k.id FROM temp.step_tags k WHERE k.name = lower(g.value)
                AND k.space_id = releases.space_id), g.value))
            FROM json_each(a.value, '$.TenantTags') g)))))
        FROM json_each(s.value, '$.Actions') a)))))
    FROM json_each(releases.steps) s)
WHERE instr(steps, '"TenantTags":["') > 0;

UPDATE runbook_snapshots SET steps = (
    SELECT json_group_array(json(json_set(s.value, '$.Actions', json((
        SELECT json_group_array(json(json_set(a.value, '$.TenantTags', json((
            SELECT json_group_array(COALESCE((SELECT k.id FROM temp.step_tags k WHERE k.name = lower(g.value)
                AND k.space_id = (SELECT space_id FROM runbooks WHERE id = runbook_snapshots.runbook_id)), g.value))
            FROM json_each(a.value, '$.TenantTags') g)))))
        FROM json_each(s.value, '$.Actions') a)))))
    FROM json_each(runbook_snapshots.steps) s)
WHERE instr(steps, '"TenantTags":["') > 0;

DROP TABLE temp.step_tags;

-- What is wrong with a release. While one is unresolved, the release goes to no phase that it has not been to.
CREATE TABLE defects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    release_id INTEGER NOT NULL REFERENCES releases (id) ON DELETE CASCADE,
    description TEXT NOT NULL,
    reported_at INTEGER NOT NULL,
    reported_by TEXT NOT NULL,
    resolved_at INTEGER,
    resolved_by TEXT
) STRICT;
CREATE INDEX defects_by_release ON defects (release_id);
-- One at a time.
CREATE UNIQUE INDEX defects_unresolved ON defects (release_id) WHERE resolved_at IS NULL;
