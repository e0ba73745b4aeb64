//! The statements of deployment targets.

use super::*;
use crate::{
    base::ids::TagSet,
    company::access::{self, Columns, Conditions, Reach, is_for_one_of},
};
use rusqlite::{Row, params_from_iter, types::Value};
use std::collections::{HashMap, HashSet};

const COLUMNS: &str =
    "t.id, t.space_id, t.name, t.slug, t.is_disabled, t.participation, t.host, t.port, t.host_key, t.account_id,
    t.health, t.health_note, t.health_at, t.skip_initial_health_check";

/// What a target in the environment of `x` belongs to.
const IN_AN_ENVIRONMENT: Columns = Columns {
    group: None,
    project: None,
    environment: Some("x.environment_id"),
    tenant: Some(is_for_one_of!("x.target_id")),
    runbook: None,
    null_is_any: false,
};

fn read(row: &Row<'_>) -> rusqlite::Result<Target> {
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    Ok(Target {
        id: row.get(0)?,
        space: row.get(1)?,
        name: row.get(2)?,
        slug: row.get(3)?,
        is_disabled: row.get(4)?,
        participation: Participation::named(text(5)?).unwrap_or_default(),
        host: row.get(6)?,
        port: row.get(7)?,
        host_key: row.get(8)?,
        account: row.get(9)?,
        health: Health::named(text(10)?).unwrap_or(Health::Unknown),
        health_note: row.get(11)?,
        health_at: row.get(12)?,
        environments: Vec::new(),
        roles: Vec::new(),
        tenants: Vec::new(),
        tenant_tags: Vec::new(),
        skips_first_check: row.get(13)?,
    })
}

/// Adds what some targets have several of: one query for each kind, however many targets there are. Each query begins
/// with the list of them: SQLite would otherwise go about it the other way round.
fn complete(rows: &Rows<'_>, targets: &mut [Target]) -> Result<()> {
    let places: HashMap<i64, usize> = targets.iter().enumerate().map(|(place, target)| (target.id.0, place)).collect();
    let ids = access::numbers(&targets.iter().map(|target| target.id.0).collect::<Vec<_>>());
    let mut each = |what: &str, put: fn(&mut Target, &Row<'_>) -> rusqlite::Result<()>| {
        rows.all(&["SELECT w.value, ", what].concat(), [&ids], |row| {
            match places.get(&row.get(0)?).and_then(|place| targets.get_mut(*place)) {
                Some(target) => put(target, row),
                None => Ok(()),
            }
        })
    };
    each(
        "e.id FROM json_each(?1) w CROSS JOIN target_environments x ON x.target_id = w.value
         JOIN environments e ON e.id = x.environment_id ORDER BY w.key, e.sort_order, e.id",
        |target, row| row.get(1).map(|environment| target.environments.push(environment)),
    )?;
    each(
        "r.role FROM json_each(?1) w CROSS JOIN target_roles r ON r.target_id = w.value ORDER BY w.key, r.role_key",
        |target, row| row.get(1).map(|role| target.roles.push(role)),
    )?;
    each(
        "n.id FROM json_each(?1) w CROSS JOIN target_tenants x ON x.target_id = w.value
         JOIN tenants n ON n.id = x.tenant_id ORDER BY w.key, n.name_key",
        |target, row| row.get(1).map(|tenant| target.tenants.push(tenant)),
    )?;
    each(
        "s.name || '/' || g.name FROM json_each(?1) w CROSS JOIN target_tenant_tags u ON u.target_id = w.value
         JOIN tags g ON g.id = u.tag_id JOIN tag_sets s ON s.id = g.tag_set_id
         ORDER BY w.key, s.sort_order, s.id, g.sort_order, g.id",
        |target, row| row.get(1).map(|tag| target.tenant_tags.push(tag)),
    )?;
    Ok(())
}

/// Seen with one environment and one tenant inside the reach of a single grant (`access-rules §4`).
fn seen(reach: &Reach, parameters: &mut Vec<Value>) -> String {
    let condition = reach.condition(IN_AN_ENVIRONMENT, parameters);
    format!("EXISTS (SELECT 1 FROM target_environments x WHERE x.target_id = t.id AND {condition})")
}

/// Those of some targets that are seen.
pub fn within(rows: &Rows<'_>, reach: &Reach, targets: &[Id<Kind>]) -> Result<Vec<Id<Kind>>> {
    let mut parameters = vec![Value::Text(serde_json::to_string(&targets.iter().map(|id| id.0).collect::<Vec<_>>())?)];
    let condition = reach.condition(IN_AN_ENVIRONMENT, &mut parameters);
    let sql = format!(
        "SELECT DISTINCT x.target_id FROM target_environments x
         WHERE x.target_id IN (SELECT value FROM json_each(?1)) AND {condition}"
    );
    rows.all(&sql, params_from_iter(&parameters), |row| row.get(0))
}

/// Those of its named tenants that are outside a reach.
pub fn hidden_tenants(rows: &Rows<'_>, reach: &Reach, target: &Target) -> Result<Vec<Id<Tenant>>> {
    outside(rows, reach, &target.tenants.iter().map(|id| id.0).collect::<Vec<_>>())
}

fn outside(rows: &Rows<'_>, reach: &Reach, tenants: &[i64]) -> Result<Vec<Id<Tenant>>> {
    let mut parameters = vec![access::numbers(tenants)];
    let seen = reach.condition(Columns { tenant: Some("id"), ..Columns::default() }, &mut parameters);
    let sql = format!("SELECT id FROM tenants WHERE id IN (SELECT value FROM json_each(?1)) AND NOT {seen}");
    rows.all(&sql, params_from_iter(&parameters), |row| row.get(0))
}

/// Leaves the named tenants that are inside a reach.
pub fn hide_tenants(rows: &Rows<'_>, reach: &Reach, targets: &mut [Target]) -> Result<()> {
    if reach.is_all() {
        return Ok(());
    }
    let mut named: Vec<i64> = targets.iter().flat_map(|target| &target.tenants).map(|id| id.0).collect();
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        return Ok(());
    }
    let hidden: HashSet<Id<Tenant>> = outside(rows, reach, &named)?.into_iter().collect();
    for target in targets {
        target.tenants.retain(|id| !hidden.contains(id));
    }
    Ok(())
}

/// `reach` is that of targets, and that of the tenants they may be looked for by.
pub fn list(
    rows: &Rows<'_>,
    space: i64,
    filter: &Filter,
    (reach, tenants): (&Reach, &Reach),
    page: Page,
) -> Result<Listed<Target>> {
    let json = |value: serde_json::Value| Value::Text(value.to_string());
    let list = |ids: &Option<Vec<i64>>| ids.as_ref().map(|ids| json(serde_json::json!(ids)));
    let words = |words: &[String]| {
        let keys: Vec<String> = words.iter().map(|word| names::key(word)).collect();
        (!keys.is_empty()).then(|| json(serde_json::json!(keys)))
    };
    let wanted = Conditions::of("t.space_id = $", space)
        .named("t.name_key", &filter.partial_name)
        .asked("t.name_key = $", filter.name.as_ref().map(|name| names::key(name)))
        .among("t.id", filter.ids.as_deref())
        .asked(
            "EXISTS (SELECT 1 FROM target_roles r JOIN json_each($) w ON w.value = r.role_key WHERE r.target_id = t.id)",
            words(&filter.roles),
        )
        .asked(
            "EXISTS (SELECT 1 FROM target_environments r JOIN json_each($) w ON w.value = r.environment_id WHERE r.target_id = t.id)",
            list(&filter.environments),
        )
        .asked(
            "EXISTS (SELECT 1 FROM target_tenant_tags r JOIN tags g ON g.id = r.tag_id JOIN tag_sets s ON s.id = g.tag_set_id
               JOIN json_each($) w ON w.value = s.name_key || '/' || g.name_key WHERE r.target_id = t.id)",
            words(&filter.tenant_tags),
        )
        .asked("t.is_disabled = $", filter.is_disabled.map(i64::from))
        .asked("lower(t.health) IN (SELECT value FROM json_each($))", words(&filter.health))
        .asked("t.account_id = $", filter.account)
        .made(|values| seen(reach, values));
    let wanted = match list(&filter.tenants) {
        None => wanted,
        // Nobody finds out by asking whether a machine names a tenant that they may not see.
        Some(ids) => wanted.made(|values| {
            values.push(ids);
            let asked = values.len();
            let seen = tenants.condition(Columns { tenant: Some("r.tenant_id"), ..Columns::default() }, values);
            format!(
                "EXISTS (SELECT 1 FROM target_tenants r JOIN json_each(?{asked}) w ON w.value = r.tenant_id
                         WHERE r.target_id = t.id AND {seen})"
            )
        }),
    };
    let mut listed = rows.page((COLUMNS, "FROM targets t", "t.name_key, t.id"), &wanted, page, read)?;
    complete(rows, &mut listed.items)?;
    Ok(listed)
}

pub fn roles(rows: &Rows<'_>, space: i64, reach: &Reach) -> Result<Vec<String>> {
    let mut parameters: Vec<Value> = vec![space.into()];
    let seen = seen(reach, &mut parameters);
    let sql = format!(
        "SELECT min(r.role) FROM target_roles r JOIN targets t ON t.id = r.target_id WHERE t.space_id = ?1 AND {seen}
         GROUP BY r.role_key ORDER BY r.role_key"
    );
    rows.all(&sql, params_from_iter(&parameters), |row| row.get(0))
}

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Target> {
    let found = rows.one(&format!("SELECT {COLUMNS} FROM targets t WHERE t.id = ?1"), [id], read)?;
    let mut found = [found.ok_or_else(|| Error::NotFound(id.to_string()))?];
    complete(rows, &mut found)?;
    let [found] = found;
    Ok(found)
}

/// The enabled targets of an environment.
pub fn in_environment(rows: &Rows<'_>, space: Id<Space>, environment: Id<Environment>) -> Result<Vec<Target>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM targets t JOIN target_environments x ON x.target_id = t.id
         WHERE t.space_id = ?1 AND x.environment_id = ?2 AND t.is_disabled = 0 ORDER BY t.name_key, t.id"
    );
    let mut targets = rows.all(&sql, (space, environment), read)?;
    complete(rows, &mut targets)?;
    Ok(targets)
}

/// The tags of a target, each with its set.
pub fn tags_of(rows: &Rows<'_>, id: Id<Kind>) -> Result<Vec<(Id<TagSet>, Id<Tag>)>> {
    rows.all(
        "SELECT g.tag_set_id, g.id FROM target_tenant_tags u JOIN tags g ON g.id = u.tag_id WHERE u.target_id = ?1",
        [id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Whether an account may not be used in an environment.
pub fn is_barred(rows: &Rows<'_>, account: Id<Account>, environment: Id<Environment>) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM account_environments x WHERE x.account_id = ?1
         GROUP BY x.account_id HAVING sum(x.environment_id = ?2) = 0",
        (account, environment),
    )
}

pub fn insert(tx: &Writing<'_>, space: Id<Space>, checked: &Checked) -> Result<Id<Kind>> {
    let fields = &checked.fields;
    let id = tx.insert(
        "INSERT INTO targets (space_id, name, name_key, slug, is_disabled, participation, host, port, host_key, account_id,
                              skip_initial_health_check)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            space,
            &fields.name,
            names::key(&fields.name),
            &fields.slug,
            fields.is_disabled,
            fields.participation.name(),
            &fields.host,
            checked.port,
            &fields.host_key,
            checked.account,
            fields.skips_first_check.unwrap_or(true),
        ),
    )?;
    Ok(Id::new(id))
}

pub fn update(tx: &Writing<'_>, id: Id<Kind>, checked: &Checked) -> Result<()> {
    let fields = &checked.fields;
    tx.run(
        "UPDATE targets SET name = ?2, name_key = ?3, is_disabled = ?4, participation = ?5, host = ?6, port = ?7, host_key = ?8,
                account_id = ?9, slug = ?10,
                skip_initial_health_check = COALESCE(?11, skip_initial_health_check) WHERE id = ?1",
        (
            id,
            &fields.name,
            names::key(&fields.name),
            fields.is_disabled,
            fields.participation.name(),
            &fields.host,
            checked.port,
            &fields.host_key,
            checked.account,
            &fields.slug,
            fields.skips_first_check,
        ),
    )?;
    Ok(())
}

pub fn set_lists(
    tx: &Writing<'_>,
    id: Id<Kind>,
    checked: &Checked,
    environments: &[At<Environment>],
    tenants: &[Id<Tenant>],
) -> Result<()> {
    for table in ["target_environments", "target_roles", "target_tenants", "target_tenant_tags"] {
        tx.run(&format!("DELETE FROM {table} WHERE target_id = ?1"), [id])?;
    }
    for environment in environments {
        let sql = "INSERT OR IGNORE INTO target_environments (target_id, environment_id) VALUES (?1, ?2)";
        tx.run(sql, (id, environment.id()))?;
    }
    for role in &checked.fields.roles {
        tx.run(
            "INSERT INTO target_roles (target_id, role, role_key) VALUES (?1, ?2, ?3)",
            (id, role, names::key(role)),
        )?;
    }
    for tenant in tenants {
        tx.run("INSERT OR IGNORE INTO target_tenants (target_id, tenant_id) VALUES (?1, ?2)", (id, tenant))?;
    }
    for tag in &checked.tags {
        tx.run("INSERT INTO target_tenant_tags (target_id, tag_id) VALUES (?1, ?2)", (id, tag))?;
    }
    Ok(())
}

pub fn set_health(tx: &Writing<'_>, id: Id<Kind>, health: Health, note: &str, at: Option<Moment>) -> Result<()> {
    tx.run(
        "UPDATE targets SET health = ?2, health_note = ?3, health_at = ?4 WHERE id = ?1",
        (id, health.name(), note, at),
    )?;
    Ok(())
}
