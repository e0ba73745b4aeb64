//! The statements of tenants.

use super::*;
use crate::company::access::{Conditions, Reach, Writing};
use rusqlite::{Row, params_from_iter, types::Value};
use std::collections::HashMap;

const COLUMNS: &str = "t.id, t.space_id, t.name, t.slug, t.description, t.is_disabled, t.cloned_from, t.created_at";

fn read(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    Ok(Tenant {
        id: row.get(0)?,
        space: row.get(1)?,
        name: row.get(2)?,
        slug: row.get(3)?,
        description: row.get(4)?,
        is_disabled: row.get(5)?,
        cloned_from: row.get(6)?,
        created_at: row.get(7)?,
        tags: Vec::new(),
        connections: Vec::new(),
    })
}

pub fn list(
    rows: &Rows<'_>,
    space: i64,
    filter: &Filter,
    wanted: &Choice,
    reach: &Reach,
    sight: &Sight,
    page: Page,
) -> Result<Listed<Tenant>> {
    let mut sets: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (set, tag) in &wanted.tags {
        sets.entry(set.0).or_default().push(tag.0);
    }
    let text = |value: serde_json::Value| Value::Text(value.to_string());
    let mut conditions = Conditions::of("t.space_id = $", space)
        .named("t.name_key", &filter.partial_name)
        .among("t.id", filter.ids.as_deref())
        .asked(
            "NOT EXISTS (SELECT 1 FROM json_each($) s WHERE NOT EXISTS (
               SELECT 1 FROM tenant_tags u JOIN json_each(s.value) w ON w.value = u.tag_id WHERE u.tenant_id = t.id))",
            (!sets.is_empty()).then(|| text(serde_json::json!(sets.values().collect::<Vec<_>>()))),
        )
        .asked("t.is_disabled = $", filter.is_disabled.map(i64::from))
        .asked("t.cloned_from = $", filter.cloned_from.map(|id| id.0));
    if let Some(project) = filter.project {
        conditions = conditions.made(|values| {
            values.push(project.0.into());
            let project = values.len();
            let seen = sight.projects(values);
            format!(
                "EXISTS (SELECT 1 FROM tenant_projects c JOIN projects p ON p.id = c.project_id
                         WHERE c.tenant_id = t.id AND c.project_id = ?{project} AND {seen})"
            )
        });
    }
    let conditions = conditions.seen(reach, Columns { tenant: Some("t.id"), ..Columns::default() });
    rows.page((COLUMNS, "FROM tenants t", "t.name_key, t.id"), &conditions, page, read)
}

fn bare(rows: &Rows<'_>, id: Id<Kind>) -> Result<Tenant> {
    rows.one(&format!("SELECT {COLUMNS} FROM tenants t WHERE t.id = ?1"), [id], read)?
        .ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn one(rows: &Rows<'_>, id: Id<Kind>, sight: &Sight) -> Result<Tenant> {
    let mut tenants = vec![bare(rows, id)?];
    connect(rows, &mut tenants, sight)?;
    tenants.pop().ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn one_with_all(rows: &Rows<'_>, id: Id<Kind>) -> Result<Tenant> {
    let mut tenants = vec![bare(rows, id)?];
    join(rows, &mut tenants, "(1)", "(1)", Vec::new())?;
    tenants.pop().ok_or_else(|| Error::NotFound(id.to_string()))
}

/// Adds their tags and those of their connections that are seen to some tenants.
pub fn connect(rows: &Rows<'_>, tenants: &mut [Tenant], sight: &Sight) -> Result<()> {
    // ?1 is the list of tenants.
    let mut parameters = vec![Value::Null];
    let projects = sight.projects(&mut parameters);
    let environments = sight.environments(&mut parameters);
    join(rows, tenants, &projects, &environments, parameters)
}

fn join(
    rows: &Rows<'_>,
    tenants: &mut [Tenant],
    projects: &str,
    environments: &str,
    mut parameters: Vec<Value>,
) -> Result<()> {
    let places: HashMap<i64, usize> = tenants.iter().enumerate().map(|(place, tenant)| (tenant.id.0, place)).collect();
    let ids: Vec<i64> = tenants.iter().map(|tenant| tenant.id.0).collect();
    let ids = Value::Text(serde_json::json!(ids).to_string());
    let tags: Vec<(i64, String)> = rows.all(
        "SELECT u.tenant_id, s.name || '/' || g.name FROM json_each(?1) w CROSS JOIN tenant_tags u ON u.tenant_id = w.value
         JOIN tags g ON g.id = u.tag_id JOIN tag_sets s ON s.id = g.tag_set_id
         ORDER BY u.tenant_id, s.sort_order, s.id, g.sort_order, g.id",
        [&ids],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (id, tag) in tags {
        if let Some(tenant) = places.get(&id).and_then(|place| tenants.get_mut(*place)) {
            tenant.tags.push(tag);
        }
    }
    match parameters.first_mut() {
        Some(first) => *first = ids,
        None => parameters.push(ids),
    }
    let sql = format!(
        "SELECT c.tenant_id, c.project_id, e.id FROM json_each(?1) w CROSS JOIN tenant_projects c ON c.tenant_id = w.value
         JOIN projects p ON p.id = c.project_id
         LEFT JOIN tenant_environments n ON n.tenant_id = c.tenant_id AND n.project_id = c.project_id
         LEFT JOIN environments e ON e.id = n.environment_id AND {environments}
         WHERE {projects}
         ORDER BY c.tenant_id, p.name_key, c.project_id, e.sort_order, e.id"
    );
    type Line = (Id<Kind>, Id<Project>, Option<Id<Environment>>);
    let lines: Vec<Line> =
        rows.all(&sql, params_from_iter(&parameters), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for (id, project, environment) in lines {
        let Some(tenant) = places.get(&id.0).and_then(|place| tenants.get_mut(*place)) else { continue };
        if tenant.connections.last().is_none_or(|last| last.project != project) {
            tenant.connections.push(Connected { project, environments: Vec::new() });
        }
        if let Some(last) = tenant.connections.last_mut() {
            last.environments.extend(environment);
        }
    }
    Ok(())
}

pub fn insert(tx: &Writing<'_>, space: Id<Space>, fields: &Fields, from: Option<Id<Kind>>) -> Result<Id<Kind>> {
    let id = tx.insert(
        "INSERT INTO tenants (space_id, name, name_key, slug, description, is_disabled, cloned_from, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            space,
            &fields.name,
            names::key(&fields.name),
            &fields.slug,
            &fields.description,
            fields.is_disabled,
            from,
            crate::base::clock::now(),
        ),
    )?;
    Ok(Id::new(id))
}

pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
    tx.run(
        "UPDATE tenants SET name = ?2, name_key = ?3, description = ?4, is_disabled = ?5, slug = ?6 WHERE id = ?1",
        (id, &fields.name, names::key(&fields.name), &fields.description, fields.is_disabled, &fields.slug),
    )?;
    Ok(())
}

pub fn set_tags(tx: &Writing<'_>, id: Id<Kind>, tags: &[Id<Tag>]) -> Result<()> {
    tx.run("DELETE FROM tenant_tags WHERE tenant_id = ?1", [id])?;
    for tag in tags {
        tx.run("INSERT INTO tenant_tags (tenant_id, tag_id) VALUES (?1, ?2)", (id, tag))?;
    }
    Ok(())
}

pub fn add_project(tx: &Writing<'_>, id: Id<Kind>, project: Id<Project>) -> Result<()> {
    tx.run("INSERT INTO tenant_projects (tenant_id, project_id) VALUES (?1, ?2)", (id, project))?;
    Ok(())
}

pub fn add_environment(
    tx: &Writing<'_>,
    id: Id<Kind>,
    project: Id<Project>,
    environment: Id<Environment>,
) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO tenant_environments (tenant_id, project_id, environment_id) VALUES (?1, ?2, ?3)",
        (id, project, environment),
    )?;
    Ok(())
}

pub fn remove_environment(
    tx: &Writing<'_>,
    id: Id<Kind>,
    project: Id<Project>,
    environment: Id<Environment>,
) -> Result<()> {
    tx.run(
        "DELETE FROM tenant_environments WHERE tenant_id = ?1 AND project_id = ?2 AND environment_id = ?3",
        (id, project, environment),
    )?;
    Ok(())
}

pub fn remove_empty_project(tx: &Writing<'_>, id: Id<Kind>, project: Id<Project>) -> Result<()> {
    tx.run(
        "DELETE FROM tenant_projects WHERE tenant_id = ?1 AND project_id = ?2
         AND NOT EXISTS (SELECT 1 FROM tenant_environments n WHERE n.tenant_id = ?1 AND n.project_id = ?2)",
        (id, project),
    )?;
    Ok(())
}

/// Why a project takes no tenants, in words.
pub fn not_for_tenants(rows: &Rows<'_>, project: Id<Project>) -> Result<Option<String>> {
    rows.one(
        "SELECT name || ' is not deployed to tenants. Allow tenanted deployments in its settings first.'
         FROM projects WHERE id = ?1 AND tenanted = 'Untenanted'",
        [project],
        |row| row.get(0),
    )
}

/// Why a project never goes to an environment, in words. A lifecycle without phases goes everywhere; so does one with a
/// phase that names no environment (`domain §5`).
pub fn outside_lifecycle(
    rows: &Rows<'_>,
    project: Id<Project>,
    environment: Id<Environment>,
) -> Result<Option<String>> {
    rows.one(
        "SELECT p.name || ' does not go to ' || e.name || ': its lifecycle ' || l.name || ' leaves that environment out.'
         FROM projects p JOIN lifecycles l ON l.id = p.lifecycle_id JOIN environments e ON e.id = ?2
         WHERE p.id = ?1 AND EXISTS (SELECT 1 FROM phases f WHERE f.lifecycle_id = l.id)
           AND NOT EXISTS (SELECT 1 FROM phases f LEFT JOIN phase_environments x ON x.phase_id = f.id
                           WHERE f.lifecycle_id = l.id AND (x.environment_id IS NULL OR x.environment_id = ?2))",
        (project, environment),
        |row| row.get(0),
    )
}

/// Why a tenant cannot go, in words. `with_history`: its deployments and runs go, too.
pub fn kept_by(
    rows: &Rows<'_>,
    id: Id<Kind>,
    with_history: bool,
    called: impl Fn(Id<Target>, &str) -> String,
) -> Result<Option<String>> {
    let found = rows.one(
        "SELECT 'something is being deployed to it. Wait until that has ended, or cancel it.', NULL, NULL
           FROM tasks WHERE tenant_id = ?1 AND state IN ('Queued', 'Executing', 'Cancelling')
         UNION ALL SELECT 'it has deployments, and they say for whom they were. Disable it, or delete it with its history (deleteHistory=true).', NULL, NULL
           FROM deployments WHERE tenant_id = ?1 AND NOT ?2
         UNION ALL SELECT 'runbooks were run for it, and the runs say for whom they were. Disable it, or delete it with its history (deleteHistory=true).', NULL, NULL
           FROM runbook_runs WHERE tenant_id = ?1 AND NOT ?2
         UNION ALL SELECT '', m.id, m.name
           FROM target_tenants u JOIN targets m ON m.id = u.target_id WHERE u.tenant_id = ?1
         LIMIT 1",
        (id, with_history),
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<Id<Target>>>(1)?.zip(row.get::<_, Option<String>>(2)?))),
    )?;
    Ok(found.map(|(why, target)| match target {
        Some((target, name)) => format!("{} names it. Take it off there first.", called(target, &name)),
        None => why,
    }))
}

pub fn tags_of(rows: &Rows<'_>, id: Id<Kind>) -> Result<Vec<Id<Tag>>> {
    rows.all("SELECT tag_id FROM tenant_tags WHERE tenant_id = ?1 ORDER BY tag_id", [id], |row| row.get(0))
}

pub fn is_connected(
    rows: &Rows<'_>,
    tenant: Id<Kind>,
    project: Id<Project>,
    environment: Id<Environment>,
) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM tenant_environments WHERE tenant_id = ?1 AND project_id = ?2 AND environment_id = ?3",
        (tenant, project, environment),
    )
}
