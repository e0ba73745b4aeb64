//! The statements of projects.

use super::*;
use crate::{base::ids::Channel, company::access::Writing};
use rusqlite::{Row, params_from_iter, types::Type};

const FIELDS: &str =
    "id, space_id, group_id, lifecycle_id, name, slug, description, is_disabled, tenanted, cloned_from, created_at,
    version_template, allows_no_targets";

fn read(row: &Row<'_>) -> rusqlite::Result<Project> {
    let word: String = row.get(8)?;
    let tenanted = TenantedMode::parse(&word)
        .ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(8, Type::Text, format!("{word} is no mode").into()))?;
    Ok(Project {
        id: row.get(0)?,
        space: row.get(1)?,
        group: row.get(2)?,
        lifecycle: row.get(3)?,
        name: row.get(4)?,
        slug: row.get(5)?,
        description: row.get(6)?,
        is_disabled: row.get(7)?,
        tenanted,
        cloned_from: row.get(9)?,
        created_at: row.get(10)?,
        version_template: row.get(11)?,
        allows_no_targets: row.get(12)?,
    })
}

pub fn list(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Project>> {
    rows.page((FIELDS, "FROM projects", "name_key"), wanted, page, read)
}

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Project> {
    rows.one(&format!("SELECT {FIELDS} FROM projects WHERE id = ?1"), [id], read)?
        .ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn lifecycle_in(rows: &Rows<'_>, space: Id<Space>, lifecycle: Id<Lifecycle>) -> Result<bool> {
    rows.any("SELECT 1 FROM lifecycles WHERE id = ?1 AND space_id = ?2", (lifecycle, space))
}

pub fn default_lifecycle(rows: &Rows<'_>, space: Id<Space>) -> Result<Id<Lifecycle>> {
    rows.one("SELECT id FROM lifecycles WHERE space_id = ?1 ORDER BY is_default DESC, id LIMIT 1", [space], |row| {
        row.get(0)
    })?
    .ok_or_else(|| Error::Conflict("This space has no lifecycle. Make one first.".into()))
}

pub fn insert(
    tx: &Writing<'_>,
    group: &groups::Group,
    lifecycle: Id<Lifecycle>,
    fields: &Fields,
    from: Option<Id<Kind>>,
) -> Result<Id<Kind>> {
    let id = tx.insert(
        "INSERT INTO projects (space_id, group_id, lifecycle_id, name, name_key, slug, description, is_disabled, tenanted,
                               cloned_from, created_at, version_template, allows_no_targets)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        (
            group.space,
            group.id,
            lifecycle,
            &fields.name,
            names::key(&fields.name),
            &fields.slug,
            &fields.description,
            fields.is_disabled,
            fields.tenanted.word(),
            from,
            clock::now(),
            &fields.version_template,
            fields.allows_no_targets.unwrap_or_default(),
        ),
    )?;
    tx.run("INSERT INTO processes (project_id) VALUES (?1)", [id])?;
    tx.run(
        "INSERT INTO channels (project_id, name, name_key, slug, is_default) VALUES (?1, 'Default', 'default', 'default', 1)",
        [id],
    )?;
    Ok(Id::new(id))
}

/// The default channel is there already; it takes the name of the copied one.
pub fn copy_channels(tx: &Writing<'_>, from: Id<Kind>, to: Id<Kind>) -> Result<()> {
    tx.run(
        "UPDATE channels SET (name, name_key, slug, description) =
           (SELECT name, name_key, slug, description FROM channels WHERE project_id = ?1 AND is_default = 1)
         WHERE project_id = ?2 AND is_default = 1",
        (from, to),
    )?;
    tx.run(
        "INSERT INTO channels (project_id, name, name_key, slug, description)
         SELECT ?2, name, name_key, slug, description FROM channels WHERE project_id = ?1 AND is_default = 0 ORDER BY id",
        (from, to),
    )?;
    Ok(())
}

pub fn channels_by_name(rows: &Rows<'_>, from: Id<Kind>, to: Id<Kind>) -> Result<Vec<(Id<Channel>, Id<Channel>)>> {
    rows.all(
        "SELECT a.id, b.id FROM channels a JOIN channels b ON b.name_key = a.name_key WHERE a.project_id = ?1 AND b.project_id = ?2",
        (from, to),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub fn set_steps(tx: &Writing<'_>, id: Id<Kind>, steps: &str) -> Result<()> {
    tx.run("UPDATE processes SET steps = ?2 WHERE project_id = ?1", (id, steps))?;
    Ok(())
}

/// The runbooks of a project whose steps name channels: id and steps.
pub fn runbooks_with_channels(rows: &Rows<'_>, project: Id<Kind>) -> Result<Vec<(i64, String)>> {
    let sql = "SELECT id, steps FROM runbooks WHERE project_id = ?1 AND instr(steps, '\"Channels-') > 0";
    rows.all(sql, [project], |row| Ok((row.get(0)?, row.get(1)?)))
}

const RUNBOOK: Columns = Columns {
    group: Some("(SELECT group_id FROM projects WHERE id = o.project_id)"),
    project: Some("o.project_id"),
    environment: None,
    tenant: None,
    runbook: Some("o.id"),
    null_is_any: false,
};

/// Whether a project has runbooks that are seen.
pub fn has_runbooks(rows: &Rows<'_>, from: Id<Kind>, seen: &Reach) -> Result<bool> {
    let mut parameters = vec![from.0.into()];
    let seen = seen.condition(RUNBOOK, &mut parameters);
    let sql = format!("SELECT 1 FROM runbooks o WHERE o.project_id = ?1 AND {seen}");
    rows.any(&sql, params_from_iter(&parameters))
}

/// Those that are seen, with their processes as they are now; snapshots and what is published stay behind.
pub fn copy_runbooks(tx: &Writing<'_>, from: Id<Kind>, to: Id<Kind>, seen: &Reach) -> Result<()> {
    let mut parameters = vec![from.0.into(), to.0.into(), clock::now().0.into()];
    let seen = seen.condition(RUNBOOK, &mut parameters);
    let copy = format!(
        "INSERT INTO runbooks (space_id, project_id, name, name_key, slug, description, tenanted, environment_scope, created_at, steps,
                               run_retention, allows_no_targets)
         SELECT o.space_id, ?2, o.name, o.name_key, o.slug, o.description, o.tenanted, o.environment_scope, ?3, o.steps,
                o.run_retention, o.allows_no_targets
         FROM runbooks o WHERE o.project_id = ?1 AND {seen} ORDER BY o.id"
    );
    tx.run(&copy, params_from_iter(&parameters))?;
    tx.run(
        "INSERT INTO runbook_environments (runbook_id, environment_id)
         SELECT n.id, e.environment_id FROM runbook_environments e JOIN runbooks o ON o.id = e.runbook_id
         JOIN runbooks n ON n.project_id = ?2 AND n.name_key = o.name_key WHERE o.project_id = ?1",
        (from, to),
    )?;
    Ok(())
}

pub fn update(
    tx: &Writing<'_>,
    id: Id<Kind>,
    group: Id<ProjectGroup>,
    lifecycle: Id<Lifecycle>,
    fields: &Fields,
) -> Result<()> {
    tx.run(
        "UPDATE projects SET name = ?2, name_key = ?3, description = ?4, is_disabled = ?5, tenanted = ?6, group_id = ?7, lifecycle_id = ?8,
                slug = ?9, version_template = ?10, allows_no_targets = ?11 WHERE id = ?1",
        (
            id,
            &fields.name,
            names::key(&fields.name),
            &fields.description,
            fields.is_disabled,
            fields.tenanted.word(),
            group,
            lifecycle,
            &fields.slug,
            &fields.version_template,
            fields.allows_no_targets.unwrap_or_default(),
        ),
    )?;
    Ok(())
}

pub fn connected(rows: &Rows<'_>, id: Id<Kind>) -> Result<i64> {
    rows.number("SELECT count(*) FROM tenant_projects WHERE project_id = ?1", [id])
}

pub fn executing(rows: &Rows<'_>, id: Id<Kind>) -> Result<bool> {
    rows.any("SELECT 1 FROM tasks WHERE project_id = ?1 AND state IN ('Executing', 'Cancelling')", [id])
}

/// The tasks that went with it.
pub fn delete(tx: &Writing<'_>, id: Id<Kind>) -> Result<Vec<Id<Task>>> {
    let tasks = tx.all("SELECT id FROM tasks WHERE project_id = ?1", [id], |row| row.get(0))?;
    tx.run("DELETE FROM projects WHERE id = ?1", [id])?;
    tx.run("DELETE FROM tasks WHERE project_id = ?1", [id])?;
    Ok(tasks)
}

pub fn with(rows: &Rows<'_>, column: &'static str, number: i64, reach: &Reach) -> Result<(i64, Vec<String>)> {
    let total = rows.number(&format!("SELECT count(*) FROM projects WHERE {column} = ?1"), [number])?;
    let mut parameters = vec![number.into()];
    let seen = reach.condition(COLUMNS, &mut parameters);
    let sql = format!("SELECT name FROM projects WHERE {column} = ?1 AND {seen} ORDER BY name_key");
    Ok((total, rows.all(&sql, params_from_iter(&parameters), |row| row.get(0))?))
}
