//! The statements of the queue.

use super::*;

pub fn insert(tx: &Writing<'_>, new: &NewTask) -> Result<Id<Kind>> {
    let id = tx.insert(
        "INSERT INTO tasks (space_id, kind, description, arguments, project_id, group_id, environment_id, tenant_id, runbook_id, state,
                            exclusive_key, queued_at, not_before, not_after, updated_at, created_by_id, created_by)
         VALUES (?1, ?2, ?3, ?4, ?5, (SELECT group_id FROM projects WHERE id = ?5), ?6, ?7, ?14, 'Queued', ?8, ?9, ?10, ?11, ?9, ?12, ?13)",
        (
            new.space,
            new.work.name(),
            &new.description,
            serde_json::to_string(&new.arguments)?,
            new.project,
            new.environment,
            new.tenant,
            &new.exclusive_key,
            clock::now(),
            new.not_before,
            new.not_after,
            tx.actor_id(),
            tx.actor_name(),
            new.runbook,
        ),
    )?;
    Ok(Id::new(id))
}

pub fn next(rows: &Rows<'_>, now: Moment) -> Result<Option<Id<Kind>>> {
    rows.one(
        "SELECT t.id FROM tasks t WHERE t.state = 'Queued' AND (t.not_before IS NULL OR t.not_before <= ?1)
           AND NOT EXISTS (SELECT 1 FROM tasks r WHERE r.exclusive_key = t.exclusive_key AND r.state IN ('Executing', 'Cancelling'))
           AND NOT EXISTS (SELECT 1 FROM spaces s WHERE s.id = t.space_id AND s.task_queue_stopped = 1)
         ORDER BY t.id LIMIT 1",
        [now],
        |row| row.get(0),
    )
}

/// Whether it was taken. Another running task of the same key makes the unique index say no.
pub fn claim(tx: &Writing<'_>, id: Id<Kind>, owner: &str, now: Moment) -> Result<bool> {
    let taken = tx.run(
        "UPDATE OR IGNORE tasks SET state = 'Executing', started_at = ?3, updated_at = ?3, lease_owner = ?2, lease_until = ?4, attempt = attempt + 1
         WHERE id = ?1 AND state = 'Queued'",
        (id, owner, now, now.plus(LEASE)),
    )?;
    Ok(taken == 1)
}

pub fn renew(tx: &Writing<'_>, id: Id<Kind>, owner: &str, now: Moment) -> Result<()> {
    tx.run("UPDATE tasks SET lease_until = ?3 WHERE id = ?1 AND lease_owner = ?2", (id, owner, now.plus(LEASE)))?;
    Ok(())
}

pub fn held(rows: &Rows<'_>, id: Id<Kind>) -> Result<(State, Option<String>)> {
    let found: Option<(String, Option<String>)> =
        rows.one("SELECT state, lease_owner FROM tasks WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (state, owner) = found.ok_or_else(|| Error::NotFound(id.to_string()))?;
    Ok((State::parse(&state).ok_or_else(|| Error::internal(format!("no state is called {state}")))?, owner))
}

pub fn set_state(
    tx: &Writing<'_>,
    id: Id<Kind>,
    from: State,
    to: State,
    error: &str,
    warnings: bool,
    now: Moment,
) -> Result<()> {
    let changed = tx.run(
        "UPDATE tasks SET state = ?3, error = ?4, warnings = ?5, updated_at = ?6,
                          completed_at = CASE WHEN ?7 THEN ?6 END,
                          lease_owner = CASE WHEN ?7 THEN NULL ELSE lease_owner END,
                          lease_until = CASE WHEN ?7 THEN NULL ELSE lease_until END
         WHERE id = ?1 AND state = ?2",
        (id, from.name(), to.name(), error, warnings, now, to.is_completed()),
    )?;
    if changed == 1 { Ok(()) } else { Err(Error::Conflict(format!("{id} has changed meanwhile. Look at it again."))) }
}

pub fn orphans(rows: &Rows<'_>, owner: &str) -> Result<Vec<Id<Kind>>> {
    rows.all(
        "SELECT id FROM tasks WHERE state IN ('Executing', 'Cancelling') AND lease_owner IS NOT ?1 ORDER BY id",
        [owner],
        |row| row.get(0),
    )
}

pub fn late(rows: &Rows<'_>, now: Moment) -> Result<Vec<Id<Kind>>> {
    rows.all("SELECT id FROM tasks WHERE state = 'Queued' AND not_after <= ?1 ORDER BY id", [now], |row| row.get(0))
}

pub fn left(rows: &Rows<'_>) -> Result<Left> {
    Ok(Left {
        queued: rows.number("SELECT count(*) FROM tasks WHERE state = 'Queued'", [])?,
        running: rows.number("SELECT count(*) FROM tasks WHERE state IN ('Executing', 'Cancelling')", [])?,
    })
}

pub fn group_of(rows: &Rows<'_>, id: Id<Kind>) -> Result<Option<i64>> {
    rows.one(
        "SELECT COALESCE(p.group_id, t.group_id) FROM tasks t LEFT JOIN projects p ON p.id = t.project_id WHERE t.id = ?1",
        [id],
        |row| row.get(0),
    )
    .map(Option::flatten)
}
