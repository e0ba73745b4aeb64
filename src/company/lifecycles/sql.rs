//! Statements about lifecycles; private to them.

use super::{ways::Connected, *};
use crate::{
    base::ids::{Project, Release},
    company::access::{Columns, Writing},
};
use rusqlite::{Row, params_from_iter};
use std::collections::BTreeMap;

const COLUMNS: &str = "id, space_id, name, slug, description, is_default, release_retention, tentacle_retention";

fn read(row: &Row<'_>) -> rusqlite::Result<Lifecycle> {
    Ok(Lifecycle {
        id: row.get(0)?,
        space: row.get(1)?,
        name: row.get(2)?,
        slug: row.get(3)?,
        description: row.get(4)?,
        is_default: row.get(5)?,
        release_retention: Retention::of(&row.get::<_, String>(6)?),
        tentacle_retention: Retention::of(&row.get::<_, String>(7)?),
        phases: Vec::new(),
    })
}

fn with_phases(rows: &Rows<'_>, mut lifecycle: Lifecycle) -> Result<Lifecycle> {
    lifecycle.phases = rows.all(
        "SELECT id, name, minimum, is_optional, release_retention, tentacle_retention FROM phases WHERE lifecycle_id = ?1 ORDER BY position",
        [lifecycle.id],
        |row| {
            Ok(Phase {
                id: row.get(0)?,
                name: row.get(1)?,
                automatic: Vec::new(),
                optional: Vec::new(),
                minimum: row.get(2)?,
                is_optional: row.get(3)?,
                release_retention: row.get::<_, Option<String>>(4)?.as_deref().map(Retention::of),
                tentacle_retention: row.get::<_, Option<String>>(5)?.as_deref().map(Retention::of),
            })
        },
    )?;
    let places: Vec<(Id<PhaseKind>, Id<Environment>, bool)> = rows.all(
        "SELECT x.phase_id, x.environment_id, x.automatic FROM phase_environments x
         JOIN phases p ON p.id = x.phase_id JOIN environments e ON e.id = x.environment_id
         WHERE p.lifecycle_id = ?1 ORDER BY e.sort_order, e.id",
        [lifecycle.id],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for phase in &mut lifecycle.phases {
        for (_, environment, automatic) in places.iter().filter(|(of, ..)| *of == phase.id) {
            if *automatic { &mut phase.automatic } else { &mut phase.optional }.push(*environment);
        }
    }
    Ok(lifecycle)
}

pub fn list(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Lifecycle>> {
    let Listed { items, total } = rows.page((COLUMNS, "FROM lifecycles", "name_key"), wanted, page, read)?;
    let items = items.into_iter().map(|one| with_phases(rows, one)).collect::<Result<_>>()?;
    Ok(Listed { items, total })
}

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Lifecycle> {
    let found = rows.one(&format!("SELECT {COLUMNS} FROM lifecycles WHERE id = ?1"), [id], read)?;
    with_phases(rows, found.ok_or_else(|| Error::NotFound(id.to_string()))?)
}

pub fn insert(tx: &Writing<'_>, space: Id<Space>, fields: &Fields) -> Result<Id<Kind>> {
    let id = tx.insert(
        "INSERT INTO lifecycles (space_id, name, name_key, slug, description, release_retention, tentacle_retention)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            space,
            &fields.name,
            names::key(&fields.name),
            &fields.slug,
            &fields.description,
            fields.release_retention.unwrap_or_default().text(),
            fields.tentacle_retention.unwrap_or_default().text(),
        ),
    )?;
    phases(tx, Id::new(id), &fields.phases)?;
    Ok(Id::new(id))
}

pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
    tx.run(
        "UPDATE lifecycles SET name = ?2, name_key = ?3, description = ?4, slug = ?5,
                release_retention = ?6, tentacle_retention = ?7 WHERE id = ?1",
        (
            id,
            &fields.name,
            names::key(&fields.name),
            &fields.description,
            &fields.slug,
            fields.release_retention.unwrap_or_default().text(),
            fields.tentacle_retention.unwrap_or_default().text(),
        ),
    )?;
    tx.run("DELETE FROM phases WHERE lifecycle_id = ?1", [id])?;
    phases(tx, id, &fields.phases)
}

/// A phase that was there before keeps its number.
fn phases(tx: &Writing<'_>, lifecycle: Id<Kind>, phases: &[PhaseFields]) -> Result<()> {
    for (position, phase) in phases.iter().enumerate() {
        let id = tx.insert(
            "INSERT INTO phases (id, lifecycle_id, position, name, minimum, is_optional, release_retention, tentacle_retention)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                phase.id,
                lifecycle,
                position as i64,
                &phase.name,
                phase.minimum,
                phase.is_optional,
                phase.release_retention.map(Retention::text),
                phase.tentacle_retention.map(Retention::text),
            ),
        )?;
        for (list, automatic) in [(&phase.automatic, true), (&phase.optional, false)] {
            for environment in list {
                tx.run(
                    "INSERT INTO phase_environments (phase_id, environment_id, automatic) VALUES (?1, ?2, ?3)",
                    (id, environment, automatic),
                )?;
            }
        }
    }
    Ok(())
}

/// The description of the release's unresolved defect, as a sentence.
pub fn defect(rows: &Rows<'_>, release: Id<Release>) -> Result<Option<String>> {
    let sql = "SELECT description FROM defects WHERE release_id = ?1 AND resolved_at IS NULL";
    let found: Option<String> = rows.one(sql, [release], |row| row.get(0))?;
    Ok(found.map(|text| if text.ends_with(['.', '!', '?']) { text } else { text + "." }))
}

/// For which tenant and where a release was deployed with success. With `eyes`, only deployments inside that reach count.
pub fn successes(
    rows: &Rows<'_>,
    release: Id<Release>,
    eyes: Option<&Reach>,
) -> Result<Vec<(Option<i64>, Id<Environment>)>> {
    let mut parameters = vec![release.0.into()];
    let columns = Columns {
        group: Some("p.group_id"),
        project: Some("p.id"),
        environment: Some("d.environment_id"),
        tenant: Some("d.tenant_id"),
        ..Columns::default()
    };
    let seen = eyes.map_or_else(|| "(1)".to_owned(), |reach| reach.condition(columns, &mut parameters));
    let sql = format!(
        "SELECT DISTINCT d.tenant_id, d.environment_id FROM deployments d JOIN tasks t ON t.id = d.task_id
         JOIN projects p ON p.id = d.project_id WHERE d.release_id = ?1 AND t.state = 'Success' AND {seen}"
    );
    rows.all(&sql, params_from_iter(&parameters), |row| Ok((row.get(0)?, row.get(1)?)))
}

pub fn visible(rows: &Rows<'_>, space: i64, reach: &Reach) -> Result<Vec<Id<Environment>>> {
    let mut parameters = vec![space.into()];
    let seen = reach.condition(Columns { environment: Some("id"), ..Columns::default() }, &mut parameters);
    let sql = format!("SELECT id FROM environments WHERE space_id = ?1 AND {seen}");
    rows.all(&sql, params_from_iter(&parameters), |row| row.get(0))
}

/// The tenants connected to a project, and where.
pub fn connected(rows: &Rows<'_>, project: Id<Project>) -> Result<BTreeMap<i64, Connected>> {
    let found: Vec<(i64, bool, Id<Environment>)> = rows.all(
        "SELECT t.id, t.is_disabled, e.environment_id FROM tenant_projects p JOIN tenants t ON t.id = p.tenant_id
         JOIN tenant_environments e ON e.tenant_id = p.tenant_id AND e.project_id = p.project_id WHERE p.project_id = ?1",
        [project],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let mut all: BTreeMap<i64, Connected> = BTreeMap::new();
    for (tenant, is_disabled, environment) in found {
        let one = all.entry(tenant).or_insert(Connected { is_disabled, environments: Vec::new() });
        one.environments.push(environment);
    }
    Ok(all)
}
