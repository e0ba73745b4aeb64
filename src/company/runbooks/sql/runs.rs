//! Statements about runs.

use crate::{
    base::{
        clock,
        error::{Error, Result},
        ids::{Environment, Id, RunbookRun as Kind, Target, Task, Tenant},
        names,
        paging::{Listed, Page},
    },
    company::{
        access::{Rows, Writing},
        deployments::{Options, from_json},
        runbooks::{Run, RunFilter, snapshots::Snapshot},
        tasks::State,
    },
};
use rusqlite::{Row, params_from_iter, types::Value};

const SELECT: &str = "SELECT u.id, u.space_id, u.project_id, p.slug, u.runbook_id, r.name, r.slug, u.snapshot_id, s.name,
    u.environment_id, e.name, u.tenant_id, n.name, u.task_id, u.name, u.comments, u.skip_steps, u.only_targets,
    u.not_targets, u.created_at, u.created_by_id, u.created_by, t.state, t.started_at, t.completed_at, t.error, t.warnings,
    t.not_before, t.not_after";
const FROM: &str = "FROM runbook_runs u JOIN tasks t ON t.id = u.task_id JOIN projects p ON p.id = u.project_id
    JOIN runbooks r ON r.id = u.runbook_id JOIN runbook_snapshots s ON s.id = u.snapshot_id
    JOIN environments e ON e.id = u.environment_id LEFT JOIN tenants n ON n.id = u.tenant_id";

fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    let (skip, only, not, state): (String, String, String, String) =
        (row.get(16)?, row.get(17)?, row.get(18)?, row.get(22)?);
    Ok(Run {
        id: row.get(0)?,
        space: row.get(1)?,
        project: row.get(2)?,
        project_slug: row.get(3)?,
        runbook: row.get(4)?,
        runbook_name: row.get(5)?,
        runbook_slug: row.get(6)?,
        snapshot: row.get(7)?,
        snapshot_name: row.get(8)?,
        environment: row.get(9)?,
        environment_name: row.get(10)?,
        tenant: row.get(11)?,
        tenant_name: row.get(12)?,
        task: row.get(13)?,
        name: row.get(14)?,
        comments: row.get(15)?,
        skip_steps: serde_json::from_str(&skip).unwrap_or_default(),
        only_targets: from_json(&only),
        not_targets: from_json(&not),
        created_at: row.get(19)?,
        created_by_id: row.get(20)?,
        created_by: row.get(21)?,
        // The table's own checks leave no other word.
        state: State::parse(&state).unwrap_or(State::Failed),
        started_at: row.get(23)?,
        completed_at: row.get(24)?,
        error: row.get(25)?,
        warnings: row.get(26)?,
        not_before: row.get(27)?,
        not_after: row.get(28)?,
    })
}

pub fn parameters(space: i64, filter: &RunFilter) -> Vec<Value> {
    let list = crate::company::naming::json;
    let states: Vec<&str> = filter.states.iter().map(|state| state.name()).collect();
    vec![
        Value::Integer(space),
        list(&filter.ids),
        list(&filter.projects),
        list(&filter.environments),
        list(&filter.tenants),
        list(&filter.runbooks),
        if states.is_empty() { Value::Null } else { Value::Text(serde_json::to_string(&states).unwrap_or_default()) },
        Value::Text(names::key(&filter.search)),
    ]
}

const WHERE: &str = "u.space_id = ?1 AND (?2 IS NULL OR u.id IN (SELECT value FROM json_each(?2)))
    AND (?3 IS NULL OR u.project_id IN (SELECT value FROM json_each(?3)))
    AND (?4 IS NULL OR u.environment_id IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR u.tenant_id IN (SELECT value FROM json_each(?5)))
    AND (?6 IS NULL OR u.runbook_id IN (SELECT value FROM json_each(?6)))
    AND (?7 IS NULL OR t.state IN (SELECT value FROM json_each(?7)))
    AND (?8 = '' OR instr(r.name_key, ?8) > 0 OR instr(e.name_key, ?8) > 0 OR instr(n.name_key, ?8) > 0)";

pub fn list(rows: &Rows<'_>, seen: &str, parameters: &[Value], page: Page) -> Result<Listed<Run>> {
    let sql =
        format!("{SELECT} {FROM} WHERE {WHERE} AND {seen} ORDER BY u.id DESC LIMIT {} OFFSET {}", page.take, page.skip);
    let items = rows.all(&sql, params_from_iter(parameters), read)?;
    Listed::of(page, items, || {
        rows.number(&format!("SELECT count(*) {FROM} WHERE {WHERE} AND {seen}"), params_from_iter(parameters))
    })
}

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Run> {
    rows.one(&format!("{SELECT} {FROM} WHERE u.id = ?1"), [id], read)?.ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn by_task(rows: &Rows<'_>, task: Id<Task>) -> Result<Run> {
    rows.one(&format!("{SELECT} {FROM} WHERE u.task_id = ?1"), [task], read)?
        .ok_or_else(|| Error::NotFound(task.to_string()))
}

/// The number that the next row will have: the task's arguments name the run before it is there.
pub fn next_id(rows: &Rows<'_>) -> Result<Id<Kind>> {
    let last =
        rows.one("SELECT seq FROM sqlite_sequence WHERE name = 'runbook_runs'", [], |row| row.get::<_, i64>(0))?;
    Ok(Id::new(last.unwrap_or(0) + 1))
}

pub fn insert(
    tx: &Writing<'_>,
    id: Id<Kind>,
    snapshot: &Snapshot,
    place: (Id<Environment>, Option<Id<Tenant>>),
    task: Id<Task>,
    name: &str,
    options: &Options,
) -> Result<()> {
    let numbers = |ids: &[Id<Target>]| serde_json::to_string(&ids.iter().map(|id| id.0).collect::<Vec<_>>());
    tx.run(
        "INSERT INTO runbook_runs (id, space_id, project_id, runbook_id, snapshot_id, environment_id, tenant_id, task_id, name,
                                   comments, skip_steps, only_targets, not_targets, created_at, created_by_id, created_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        (
            id,
            snapshot.space,
            snapshot.project,
            snapshot.runbook,
            snapshot.id,
            place.0,
            place.1,
            task,
            name,
            &options.comments,
            serde_json::to_string(&options.skip_steps)?,
            numbers(&options.only_targets)?,
            numbers(&options.not_targets)?,
            clock::now(),
            tx.actor_id(),
            tx.actor_name(),
        ),
    )?;
    Ok(())
}

/// A run and the task that carried it out.
pub fn delete(tx: &Writing<'_>, id: Id<Kind>, task: Id<Task>) -> Result<()> {
    tx.run("DELETE FROM runbook_runs WHERE id = ?1", [id])?;
    tx.run("DELETE FROM tasks WHERE id = ?1", [task])?;
    Ok(())
}
