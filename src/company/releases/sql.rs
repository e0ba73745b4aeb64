//! Statements about releases; private to them.

use super::*;
use crate::base::{clock, ids::Task};
use crate::company::access::{Conditions, Writing};
use rusqlite::Row;
use serde_json::{Map, json};

const FIELDS: &str = "r.id, r.space_id, r.project_id, r.channel_id, r.version, r.notes, r.assembled_at, r.created_by,
    r.ignore_channel_rules, r.custom_fields";

fn said(row: &Row<'_>) -> rusqlite::Result<Said> {
    let custom_fields = row.get_ref(9)?.as_bytes()?;
    let custom_fields = match custom_fields {
        b"{}" => BTreeMap::new(),
        some => serde_json::from_slice(some).unwrap_or_default(),
    };
    Ok(Said { ignore_channel_rules: row.get(8)?, custom_fields })
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Release, String)> {
    let release = Release {
        id: row.get(0)?,
        space: row.get(1)?,
        project: row.get(2)?,
        channel: row.get(3)?,
        version: row.get(4)?,
        notes: row.get(5)?,
        assembled_at: row.get(6)?,
        created_by: row.get(7)?,
        said: said(row)?,
        steps: Vec::new(),
    };
    Ok((release, row.get(10)?))
}

fn read_brief(row: &Row<'_>) -> rusqlite::Result<Brief> {
    Ok(Brief {
        id: row.get(0)?,
        space: row.get(1)?,
        project: row.get(2)?,
        channel: row.get(3)?,
        version: row.get(4)?,
        notes: row.get(5)?,
        assembled_at: row.get(6)?,
        created_by: row.get(7)?,
        said: said(row)?,
        channel_name: row.get(10)?,
    })
}

fn thawed(rows: &Rows<'_>, (mut release, steps): (Release, String)) -> Result<Release> {
    release.steps = projects::kept::read(rows, release.space, &steps)?;
    Ok(release)
}

/// What the trail shows of a release.
pub fn told(release: &Release) -> Map<String, serde_json::Value> {
    Map::from_iter([("ReleaseNotes".to_owned(), json!(release.notes))])
}

pub fn list(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Brief>> {
    let from = "FROM releases r JOIN projects p ON p.id = r.project_id JOIN channels c ON c.id = r.channel_id";
    rows.page((&[FIELDS, ", c.name"].concat(), from, "r.id DESC"), wanted, page, read_brief)
}

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Release> {
    let found = rows.one(&format!("SELECT {FIELDS}, r.steps FROM releases r WHERE r.id = ?1"), [id], read)?;
    thawed(rows, found.ok_or_else(|| Error::NotFound(id.to_string()))?)
}

pub fn brief(rows: &Rows<'_>, id: Id<Kind>) -> Result<Brief> {
    let sql = format!("SELECT {FIELDS}, c.name FROM releases r JOIN channels c ON c.id = r.channel_id WHERE r.id = ?1");
    rows.one(&sql, [id], read_brief)?.ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn by_version(rows: &Rows<'_>, project: Id<Project>, version: &str) -> Result<Option<Release>> {
    let sql = format!("SELECT {FIELDS}, r.steps FROM releases r WHERE r.project_id = ?1 AND r.version_key = ?2");
    rows.one(&sql, (project, names::key(version)), read)?.map(|found| thawed(rows, found)).transpose()
}

/// All versions of a project, or those in one of its channels.
pub fn versions(rows: &Rows<'_>, project: Id<Project>, channel: Option<Id<Channel>>) -> Result<Vec<String>> {
    let sql = "SELECT version FROM releases WHERE project_id = ?1 AND (?2 IS NULL OR channel_id = ?2)";
    rows.all(sql, (project, channel), |row| row.get(0))
}

pub fn insert(
    tx: &Writing<'_>,
    project: &projects::Project,
    channel: Id<Channel>,
    (version, notes, said): (&str, &str, &Said),
    steps: &str,
) -> Result<Id<Kind>> {
    let id = tx.insert(
        "INSERT INTO releases (space_id, project_id, channel_id, version, version_key, notes, assembled_at, created_by, steps,
                               ignore_channel_rules, custom_fields)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            project.space,
            project.id,
            channel,
            version,
            names::key(version),
            notes,
            clock::now(),
            tx.actor_name(),
            steps,
            said.ignore_channel_rules,
            serde_json::to_string(&said.custom_fields)?,
        ),
    )?;
    Ok(Id::new(id))
}

pub fn on_its_way(rows: &Rows<'_>, id: Id<Kind>) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM deployments d JOIN tasks t ON t.id = d.task_id
         WHERE d.release_id = ?1 AND t.state IN ('Queued', 'Executing', 'Cancelling')",
        [id],
    )
}

/// The tasks that went with it.
pub fn delete(tx: &Writing<'_>, id: Id<Kind>) -> Result<Vec<Id<Task>>> {
    let tasks: Vec<Id<Task>> =
        tx.all("SELECT task_id FROM deployments WHERE release_id = ?1", [id], |row| row.get(0))?;
    tx.run("DELETE FROM releases WHERE id = ?1", [id])?;
    for task in &tasks {
        tx.run("DELETE FROM tasks WHERE id = ?1", [task])?;
    }
    Ok(tasks)
}
