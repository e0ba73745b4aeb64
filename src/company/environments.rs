//! Environments: where releases go. Their order drives a lifecycle without phases.
//!
//! Does not know what is deployed to them.

use super::access::{
    Columns, Conditions, Event, Granted, Rows, Visitor,
    permissions::{EnvironmentCreate, EnvironmentDelete, EnvironmentEdit, EnvironmentView, List},
};
use crate::base::{
    error::{Error, Fields as Wrong, Result},
    ids::{Environment as Kind, Id, Space},
    names,
    paging::{Listed, Page},
};
pub use crate::company::naming::Filter;
use crate::company::{
    naming::Named,
    references::{self, User},
};
use serde::Serialize;

/// How they are named.
const NAMES: Named = Named { table: "environments", within: "space_id", one: "an environment", slug: "environment" };

/// An environment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Environment {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its name, unique in its space.
    pub name: String,
    /// What stands for it in addresses; a new name leaves it as it is.
    pub slug: String,
    /// What it is for.
    pub description: String,
    /// Its place in the order.
    pub sort_order: i64,
    /// Deployments here ask a person when a step fails.
    pub use_guided_failure: bool,
    /// Targets may be made by scripts.
    pub allow_dynamic_infrastructure: bool,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the space.
    pub name: String,
    /// At most 2,000 characters.
    pub description: String,
    /// See [`Environment::use_guided_failure`].
    pub use_guided_failure: bool,
    /// See [`Environment::allow_dynamic_infrastructure`].
    pub allow_dynamic_infrastructure: bool,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// Its place in the order; none: last, and kept.
    pub sort_order: Option<i64>,
}

impl Fields {
    /// Nothing but a name.
    pub fn named(name: &str) -> Fields {
        Fields { name: name.into(), ..Fields::default() }
    }
}

/// The environments of a space that the visitor may see, in their order.
pub fn list(granted: &Granted<'_, List<EnvironmentView>>, filter: &Filter, page: Page) -> Result<Listed<Environment>> {
    let reach = granted.reach();
    granted.read(|rows| {
        let wanted = Conditions::of("space_id = $", granted.what().space())
            .named("name_key", &filter.partial_name)
            .among("id", filter.ids.as_deref())
            .seen(&reach, Columns { environment: Some("id"), ..Columns::default() });
        sql::list(rows, &wanted, page)
    })
}

/// One environment.
pub fn show(granted: &Granted<'_, EnvironmentView>) -> Result<Environment> {
    let at = &granted.what().environment;
    granted.read(|rows| sql::by_id(rows, at.id()))
}

/// Makes an environment, last in the order.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken.
pub fn create(granted: &Granted<'_, EnvironmentCreate>, fields: Fields) -> Result<Environment> {
    let space = granted.what().space.space().id();
    granted.write(|tx| {
        let fields = check(tx, space, &fields, None)?;
        let id = sql::insert(tx, space, &fields)?;
        let made = sql::by_id(tx, id)?;
        let event = Event::new("Created").say("Environment ").name(id, &made.name).say(" was created");
        tx.record(event.space(space.0).environment(id.0), made)
    })
}

/// Changes an environment.
///
/// # Errors
/// As [`create`].
pub fn edit(granted: &Granted<'_, EnvironmentEdit>, fields: Fields) -> Result<Environment> {
    let id = granted.what().environment.id();
    granted.write(|tx| {
        let before = sql::by_id(tx, id)?;
        let fields = check(tx, before.space, &fields, Some(&before))?;
        sql::update(tx, id, &fields)?;
        let after = sql::by_id(tx, id)?;
        let event = Event::new("Modified").say("Environment ").name(id, &after.name).say(" was changed");
        tx.record(event.space(after.space.0).environment(id.0).difference(&before, &after), after)
    })
}

/// Deletes an environment.
///
/// # Errors
/// `Conflict` while something refers to it (`domain §15`), with what it is.
pub fn delete(granted: &Granted<'_, EnvironmentDelete>) -> Result<()> {
    let id = granted.what().environment.id();
    granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        if let Some(why) = stops(tx, granted.visitor(), &gone)? {
            return Err(Error::Conflict(why));
        }
        tx.run("DELETE FROM environments WHERE id = ?1", [id])?;
        // Roles that are limited to it stay limited to it: without that line they would hold in every environment.
        let event = Event::new("Deleted").say("Environment ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(gone.space.0).environment(id.0), ())
    })
}

/// Why it cannot be deleted now; `None`: it can. What [`delete`] would say, said first (findings C6).
pub fn obstacle(granted: &Granted<'_, EnvironmentDelete>) -> Result<Option<String>> {
    let id = granted.what().environment.id();
    granted.read(|rows| stops(rows, granted.visitor(), &sql::by_id(rows, id)?))
}

fn stops(rows: &Rows<'_>, visitor: &Visitor, gone: &Environment) -> Result<Option<String>> {
    let users = references::sentence(&references::words(&sql::users(rows, gone.id)?, visitor));
    Ok(users.map(|users| format!("{} cannot be deleted: it is used by {users}.", gone.name)))
}

/// Puts environments into a new order: those named come first, in the order named. Needs the right to change each.
pub fn sort(granted: &[Granted<'_, EnvironmentEdit>]) -> Result<()> {
    let Some(first) = granted.first() else { return Ok(()) };
    let space = first.what().environment.space_id();
    first.write(|tx| {
        tx.run(
            "UPDATE environments SET sort_order = sort_order + ?2 WHERE space_id = ?1",
            (space, granted.len() as i64),
        )?;
        for (place, one) in granted.iter().enumerate() {
            tx.run(
                "UPDATE environments SET sort_order = ?2 WHERE id = ?1",
                (one.what().environment.id(), place as i64),
            )?;
        }
        tx.record(Event::new("Modified").say("The order of the environments was changed").space(space), ())
    })
}

fn check(rows: &Rows<'_>, space: Id<Space>, fields: &Fields, this: Option<&Environment>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let given = (fields.name.as_str(), fields.description.as_str());
    let (name, description) = NAMES.check(rows, &mut wrong, space.0, given, this.map(|this| this.id.0))?;
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, space.0, (&fields.slug, &name), present)?;
    let sort_order = fields.sort_order.or(this.map(|this| this.sort_order));
    if sort_order.is_some_and(|place| !(0..=1_000_000).contains(&place)) {
        wrong.add("SortOrder", "Give a number from 0 to 1000000.");
    }
    wrong.finish()?;
    Ok(Fields { name, description, slug, sort_order, ..fields.clone() })
}

/// The environments of a space in their order, as lifecycles count them.
pub(in crate::company) fn in_order(rows: &Rows<'_>, space: Id<Space>) -> Result<Vec<Environment>> {
    sql::in_order(rows, space)
}

/// One environment, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Environment> {
    sql::by_id(rows, id)
}

mod sql {
    use super::*;
    use crate::company::access::Writing;
    use rusqlite::Row;

    const COLUMNS: &str =
        "id, space_id, name, slug, description, sort_order, use_guided_failure, allow_dynamic_infrastructure";

    fn read(row: &Row<'_>) -> rusqlite::Result<Environment> {
        Ok(Environment {
            id: row.get(0)?,
            space: row.get(1)?,
            name: row.get(2)?,
            slug: row.get(3)?,
            description: row.get(4)?,
            sort_order: row.get(5)?,
            use_guided_failure: row.get(6)?,
            allow_dynamic_infrastructure: row.get(7)?,
        })
    }

    pub fn list(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Environment>> {
        rows.page((COLUMNS, "FROM environments", "sort_order, id"), wanted, page, read)
    }

    pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Environment> {
        rows.one(&format!("SELECT {COLUMNS} FROM environments WHERE id = ?1"), [id], read)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    pub fn in_order(rows: &Rows<'_>, space: Id<Space>) -> Result<Vec<Environment>> {
        rows.all(
            &format!("SELECT {COLUMNS} FROM environments WHERE space_id = ?1 ORDER BY sort_order, id"),
            [space],
            read,
        )
    }

    pub fn insert(tx: &Writing<'_>, space: Id<Space>, fields: &Fields) -> Result<Id<Kind>> {
        let id = tx.insert(
            "INSERT INTO environments (space_id, name, name_key, slug, description, use_guided_failure, allow_dynamic_infrastructure, sort_order)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, COALESCE(?8, (SELECT COALESCE(max(sort_order), -1) + 1 FROM environments WHERE space_id = ?1)))",
            (
                space,
                &fields.name,
                names::key(&fields.name),
                &fields.slug,
                &fields.description,
                fields.use_guided_failure,
                fields.allow_dynamic_infrastructure,
                fields.sort_order,
            ),
        )?;
        Ok(Id::new(id))
    }

    pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
        tx.run(
            "UPDATE environments SET name = ?2, name_key = ?3, description = ?4, use_guided_failure = ?5, allow_dynamic_infrastructure = ?6,
                    slug = ?7, sort_order = ?8 WHERE id = ?1",
            (
                id,
                &fields.name,
                names::key(&fields.name),
                &fields.description,
                fields.use_guided_failure,
                fields.allow_dynamic_infrastructure,
                &fields.slug,
                fields.sort_order,
            ),
        )?;
        Ok(())
    }

    /// What refers to it.
    pub fn users(rows: &Rows<'_>, id: Id<Kind>) -> Result<Vec<User>> {
        let mut users = rows.all(
            "SELECT DISTINCT 'lifecycle', l.id, l.name, '' FROM phase_environments e JOIN phases p ON p.id = e.phase_id JOIN lifecycles l ON l.id = p.lifecycle_id
               WHERE e.environment_id = ?1
             UNION ALL SELECT 'target', t.id, t.name, '' FROM target_environments e JOIN targets t ON t.id = e.target_id WHERE e.environment_id = ?1
             UNION ALL SELECT DISTINCT 'tenant', t.id, t.name, '' FROM tenant_environments e JOIN tenants t ON t.id = e.tenant_id WHERE e.environment_id = ?1
             UNION ALL SELECT 'account', a.id, a.name, '' FROM account_environments e JOIN accounts a ON a.id = e.account_id WHERE e.environment_id = ?1
             UNION ALL SELECT 'runbook', r.id, r.name, '' FROM runbook_environments e JOIN runbooks r ON r.id = e.runbook_id WHERE e.environment_id = ?1
             UNION ALL SELECT DISTINCT 'runs', r.id, r.name, '' FROM runbook_runs u JOIN runbooks r ON r.id = u.runbook_id WHERE u.environment_id = ?1
             UNION ALL SELECT DISTINCT 'deployments', p.id, p.name, '' FROM deployments d JOIN projects p ON p.id = d.project_id WHERE d.environment_id = ?1
             LIMIT 20",
            [id],
            User::read,
        )?;
        users.extend(references::of_environment(rows, id)?);
        Ok(users)
    }
}
