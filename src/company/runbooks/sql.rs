//! Statements about runbooks and their snapshots; private to them.

pub mod runs;

use super::{EnvironmentScope, Fields, Kind, OfProject, Published, Runbook, snapshots::Snapshot};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        ids::{Environment, Id, RunbookSnapshot, Space, Task},
        names,
        paging::{Listed, Page},
        retention::Retention,
    },
    company::{
        access::{Conditions, Rows, Writing},
        projects::{TenantedMode, kept, process::Step},
    },
};
use rusqlite::Row;

const FIELDS: &str =
    "r.id, r.space_id, r.project_id, r.name, r.slug, r.description, r.tenanted, r.environment_scope, r.created_at,
    (SELECT json_group_array(e.environment_id) FROM runbook_environments e WHERE e.runbook_id = r.id),
    json_array_length(r.steps), s.id, s.name, r.published_at, s.steps IS NOT r.steps, r.run_retention,
    r.allows_no_targets";
const FROM: &str =
    "FROM runbooks r JOIN projects p ON p.id = r.project_id LEFT JOIN runbook_snapshots s ON s.id = r.published_id";

fn read(row: &Row<'_>) -> rusqlite::Result<Runbook> {
    let (tenanted, scope, environments): (String, String, String) = (row.get(6)?, row.get(7)?, row.get(9)?);
    let environments: Vec<i64> = serde_json::from_str(&environments).unwrap_or_default();
    let published: Option<Id<RunbookSnapshot>> = row.get(11)?;
    Ok(Runbook {
        id: row.get(0)?,
        space: row.get(1)?,
        project: row.get(2)?,
        name: row.get(3)?,
        slug: row.get(4)?,
        description: row.get(5)?,
        // The table's own checks leave no other words.
        tenanted: TenantedMode::parse(&tenanted).unwrap_or_default(),
        environment_scope: EnvironmentScope::parse(&scope).unwrap_or_default(),
        environments: environments.into_iter().map(Id::new).collect(),
        created_at: row.get(8)?,
        run_retention: Retention::of(&row.get::<_, String>(15)?),
        allows_no_targets: row.get(16)?,
        steps: row.get::<_, i64>(10)?.unsigned_abs() as usize,
        published: match published {
            Some(id) => Some(Published { id, name: row.get(12)?, at: row.get(13)?, is_behind: row.get(14)? }),
            None => None,
        },
    })
}

pub fn list(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Runbook>> {
    rows.page((FIELDS, FROM, "p.name_key, r.name_key"), wanted, page, read)
}

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Runbook> {
    rows.one(&format!("SELECT {FIELDS} {FROM} WHERE r.id = ?1"), [id], read)?
        .ok_or_else(|| Error::NotFound(id.to_string()))
}

/// Version and steps of the process.
pub fn process(rows: &Rows<'_>, id: Id<Kind>) -> Result<(i64, Vec<Step>)> {
    let found: Option<(i64, Id<Space>, String)> =
        rows.one("SELECT version, space_id, steps FROM runbooks WHERE id = ?1", [id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let (version, space, steps) = found.ok_or_else(|| Error::NotFound(id.to_string()))?;
    Ok((version, kept::read(rows, space, &steps)?))
}

pub fn set_process(tx: &Writing<'_>, id: Id<Kind>, steps: &str) -> Result<()> {
    tx.run("UPDATE runbooks SET steps = ?2, version = version + 1 WHERE id = ?1", (id, steps))?;
    Ok(())
}

pub fn not_in_space(rows: &Rows<'_>, space: Id<Space>, ids: &[Id<Environment>]) -> Result<Option<Id<Environment>>> {
    for id in ids {
        if !rows.any("SELECT 1 FROM environments WHERE id = ?1 AND space_id = ?2", (id, space))? {
            return Ok(Some(*id));
        }
    }
    Ok(None)
}

pub fn insert(tx: &Writing<'_>, project: &OfProject, fields: &Fields) -> Result<Id<Kind>> {
    let id = Id::new(tx.insert(
        "INSERT INTO runbooks (space_id, project_id, name, name_key, slug, description, tenanted, environment_scope, created_at,
                               run_retention, allows_no_targets)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            project.space,
            project.id,
            &fields.name,
            names::key(&fields.name),
            &fields.slug,
            &fields.description,
            fields.tenanted.word(),
            fields.environment_scope.word(),
            clock::now(),
            fields.run_retention.unwrap_or_default().text(),
            fields.allows_no_targets.unwrap_or(true),
        ),
    )?);
    put_environments(tx, id, fields)?;
    Ok(id)
}

pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
    tx.run(
        "UPDATE runbooks SET name = ?2, name_key = ?3, description = ?4, tenanted = ?5, environment_scope = ?6, slug = ?7,
                run_retention = ?8, allows_no_targets = ?9 WHERE id = ?1",
        (
            id,
            &fields.name,
            names::key(&fields.name),
            &fields.description,
            fields.tenanted.word(),
            fields.environment_scope.word(),
            &fields.slug,
            fields.run_retention.unwrap_or_default().text(),
            fields.allows_no_targets.unwrap_or(true),
        ),
    )?;
    tx.run("DELETE FROM runbook_environments WHERE runbook_id = ?1", [id])?;
    put_environments(tx, id, fields)
}

fn put_environments(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
    for environment in &fields.environments {
        tx.run("INSERT INTO runbook_environments (runbook_id, environment_id) VALUES (?1, ?2)", (id, environment))?;
    }
    Ok(())
}

pub fn under_way(rows: &Rows<'_>, id: Id<Kind>) -> Result<bool> {
    rows.any("SELECT 1 FROM tasks WHERE runbook_id = ?1 AND state IN ('Queued', 'Executing', 'Cancelling')", [id])
}

/// The tasks that went with it.
pub fn delete(tx: &Writing<'_>, id: Id<Kind>) -> Result<Vec<Id<Task>>> {
    let tasks = tx.all("SELECT task_id FROM runbook_runs WHERE runbook_id = ?1", [id], |row| row.get(0))?;
    tx.run("DELETE FROM runbooks WHERE id = ?1", [id])?;
    delete_tasks(tx, tasks)
}

pub fn snapshot_under_way(rows: &Rows<'_>, id: Id<RunbookSnapshot>) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM runbook_runs u JOIN tasks t ON t.id = u.task_id
         WHERE u.snapshot_id = ?1 AND t.state IN ('Queued', 'Executing', 'Cancelling')",
        [id],
    )
}

/// The tasks of its runs, which went with it.
pub fn delete_snapshot(tx: &Writing<'_>, id: Id<RunbookSnapshot>) -> Result<Vec<Id<Task>>> {
    let tasks = tx.all("SELECT task_id FROM runbook_runs WHERE snapshot_id = ?1", [id], |row| row.get(0))?;
    tx.run("DELETE FROM runbook_snapshots WHERE id = ?1", [id])?;
    delete_tasks(tx, tasks)
}

fn delete_tasks(tx: &Writing<'_>, tasks: Vec<Id<Task>>) -> Result<Vec<Id<Task>>> {
    for task in &tasks {
        tx.run("DELETE FROM tasks WHERE id = ?1", [task])?;
    }
    Ok(tasks)
}

const SNAPSHOT: &str =
    "SELECT s.id, s.runbook_id, r.project_id, r.space_id, s.name, s.notes, s.assembled_at, s.created_by,
    s.id IS r.published_id, s.steps FROM runbook_snapshots s JOIN runbooks r ON r.id = s.runbook_id";

fn read_snapshot(row: &Row<'_>) -> rusqlite::Result<(Snapshot, String)> {
    let snapshot = Snapshot {
        id: row.get(0)?,
        runbook: row.get(1)?,
        project: row.get(2)?,
        space: row.get(3)?,
        name: row.get(4)?,
        notes: row.get(5)?,
        assembled_at: row.get(6)?,
        created_by: row.get(7)?,
        is_published: row.get(8)?,
        steps: Vec::new(),
    };
    Ok((snapshot, row.get(9)?))
}

fn thawed(rows: &Rows<'_>, (mut snapshot, steps): (Snapshot, String)) -> Result<Snapshot> {
    snapshot.steps = kept::read(rows, snapshot.space, &steps)?;
    Ok(snapshot)
}

pub fn snapshots(rows: &Rows<'_>, runbook: Id<Kind>, search: &str, page: Page) -> Result<Listed<Snapshot>> {
    let wanted = "WHERE s.runbook_id = ?1 AND instr(s.name_key, ?2) > 0";
    let parameters = (runbook, names::key(search));
    let sql = format!("{SNAPSHOT} {wanted} ORDER BY s.id DESC LIMIT {} OFFSET {}", page.take, page.skip);
    let found = rows.all(&sql, (parameters.0, &parameters.1), read_snapshot)?;
    let items = found.into_iter().map(|found| thawed(rows, found)).collect::<Result<Vec<_>>>()?;
    Listed::of(page, items, || {
        rows.number(&format!("SELECT count(*) FROM runbook_snapshots s {wanted}"), (parameters.0, &parameters.1))
    })
}

/// Those of all runbooks of a project.
pub fn snapshots_of_project(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Snapshot>> {
    let (columns, from) = SNAPSHOT.split_once(" FROM ").unwrap_or((SNAPSHOT, ""));
    let columns = columns.trim_start_matches("SELECT ");
    let from = format!("FROM {from} JOIN projects p ON p.id = r.project_id");
    let found = rows.page((columns, &from, "s.id DESC"), wanted, page, read_snapshot)?;
    let items = found.items.into_iter().map(|found| thawed(rows, found)).collect::<Result<Vec<_>>>()?;
    Ok(Listed { items, total: found.total })
}

/// A snapshot of a runbook, by its id or name.
pub fn find_snapshot(rows: &Rows<'_>, runbook: Id<Kind>, text: &str) -> Result<Option<Snapshot>> {
    let id = Id::<RunbookSnapshot>::parse(text).map_or(0, |id| id.0);
    let sql = format!("{SNAPSHOT} WHERE s.runbook_id = ?1 AND (s.id = ?2 OR s.name_key = ?3) ORDER BY s.id = ?2 DESC");
    rows.one(&sql, (runbook, id, names::key(text)), read_snapshot)?.map(|found| thawed(rows, found)).transpose()
}

pub fn snapshot(rows: &Rows<'_>, id: Id<RunbookSnapshot>) -> Result<Snapshot> {
    let found = rows.one(&format!("{SNAPSHOT} WHERE s.id = ?1"), [id], read_snapshot)?;
    thawed(rows, found.ok_or_else(|| Error::NotFound(id.to_string()))?)
}

pub fn snapshot_taken(rows: &Rows<'_>, runbook: Id<Kind>, name: &str) -> Result<bool> {
    rows.any("SELECT 1 FROM runbook_snapshots WHERE runbook_id = ?1 AND name_key = ?2", (runbook, names::key(name)))
}

pub fn snapshots_so_far(rows: &Rows<'_>, runbook: Id<Kind>) -> Result<i64> {
    rows.number("SELECT count(*) FROM runbook_snapshots WHERE runbook_id = ?1", [runbook])
}

pub fn insert_snapshot(tx: &Writing<'_>, runbook: Id<Kind>, name: &str, notes: &str) -> Result<Id<RunbookSnapshot>> {
    let id = tx.insert(
        "INSERT INTO runbook_snapshots (runbook_id, name, name_key, notes, assembled_at, created_by, steps)
         SELECT id, ?2, ?3, ?4, ?5, ?6, steps FROM runbooks WHERE id = ?1",
        (runbook, name, names::key(name), notes, clock::now(), tx.actor_name()),
    )?;
    Ok(Id::new(id))
}

pub fn publish(tx: &Writing<'_>, runbook: Id<Kind>, snapshot: Id<RunbookSnapshot>) -> Result<()> {
    tx.run(
        "UPDATE runbooks SET published_id = ?2, published_at = ?3 WHERE id = ?1",
        (runbook, snapshot, clock::now()),
    )?;
    Ok(())
}
