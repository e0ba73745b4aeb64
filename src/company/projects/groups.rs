//! Project groups: how a space sorts its projects, and what a role can be scoped to.

use super::counted;
use crate::base::{
    error::{Error, Fields as Wrong, Result},
    ids::{Id, ProjectGroup as Kind, Space},
    names,
    paging::{Listed, Page},
};
use crate::company::access::{
    Columns, Conditions, Event, Granted, Reach, Rows,
    permissions::{List, ProjectGroupCreate, ProjectGroupDelete, ProjectGroupEdit, ProjectGroupView, ProjectView},
};
pub use crate::company::naming::Filter;
use crate::company::naming::Named;
use serde::Serialize;

/// How they are named.
const NAMES: Named = Named { table: "project_groups", within: "space_id", one: "a project group", slug: "group" };

/// A project group.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its name, unique in its space.
    pub name: String,
    /// What stands for it in addresses; kept when the name changes.
    pub slug: String,
    /// What it is for.
    pub description: String,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the space.
    pub name: String,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// At most 2,000 characters.
    pub description: String,
}

/// The groups of a space that the visitor may see, by name.
pub fn list(granted: &Granted<'_, List<ProjectGroupView>>, filter: &Filter, page: Page) -> Result<Listed<Group>> {
    let reach = granted.reach();
    granted.read(|rows| {
        let wanted = Conditions::of("space_id = $", granted.what().space())
            .named("name_key", &filter.partial_name)
            .among("id", filter.ids.as_deref())
            .seen(&reach, Columns { group: Some("id"), ..Columns::default() });
        sql::list(rows, &wanted, page)
    })
}

/// One group.
pub fn show(granted: &Granted<'_, ProjectGroupView>) -> Result<Group> {
    granted.read(|rows| sql::by_id(rows, granted.what().group.id()))
}

/// Makes a group.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken.
pub fn create(granted: &Granted<'_, ProjectGroupCreate>, fields: Fields) -> Result<Group> {
    let space = granted.what().space.space().id();
    granted.write(|tx| {
        let fields = check(tx, space, &fields, None)?;
        let id = sql::insert(tx, space, &fields)?;
        let made = sql::by_id(tx, id)?;
        let event = Event::new("Created").say("Project group ").name(id, &made.name).say(" was created");
        tx.record(event.space(space.0), made)
    })
}

/// Changes a group.
///
/// # Errors
/// As [`create`].
pub fn edit(granted: &Granted<'_, ProjectGroupEdit>, fields: Fields) -> Result<Group> {
    let id = granted.what().group.id();
    granted.write(|tx| {
        let before = sql::by_id(tx, id)?;
        let fields = check(tx, before.space, &fields, Some(&before))?;
        sql::update(tx, id, &fields)?;
        let after = sql::by_id(tx, id)?;
        let event = Event::new("Modified").say("Project group ").name(id, &after.name).say(" was changed");
        tx.record(event.space(after.space.0).difference(&before, &after), after)
    })
}

/// Deletes a group.
///
/// # Errors
/// `Conflict` while it has projects (`domain §15`), or is the only one of its space.
pub fn delete(granted: &Granted<'_, ProjectGroupDelete>) -> Result<()> {
    let id = granted.what().group.id();
    let reach = granted.reach_of::<ProjectView>(granted.what().group.space_id());
    granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        if let Some(why) = stops(tx, &reach, &gone)? {
            return Err(Error::Conflict(why));
        }
        // Limits of roles that name it stay: without them a role scoped to this group alone would reach everywhere.
        tx.run("DELETE FROM project_groups WHERE id = ?1", [id])?;
        let event = Event::new("Deleted").say("Project group ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(gone.space.0), ())
    })
}

/// Why it cannot be deleted now, as far as the visitor may see it; `None`: it can. What [`delete`] would say, said first
/// (findings C6).
pub fn obstacle(granted: &Granted<'_, ProjectGroupDelete>) -> Result<Option<String>> {
    let at = &granted.what().group;
    let reach = granted.reach_of::<ProjectView>(at.space_id());
    granted.read(|rows| stops(rows, &reach, &sql::by_id(rows, at.id())?))
}

fn stops(rows: &Rows<'_>, reach: &Reach, gone: &Group) -> Result<Option<String>> {
    if let Some(words) = counted(rows, "group_id", gone.id.0, reach)? {
        return Ok(Some(format!("{} cannot be deleted: it has {words}. Move or delete them first.", gone.name)));
    }
    let is_last = !sql::another(rows, gone)?;
    Ok(is_last.then(|| format!("{} is the only project group of its space. Make another first.", gone.name)))
}

fn check(rows: &Rows<'_>, space: Id<Space>, fields: &Fields, this: Option<&Group>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let given = (fields.name.as_str(), fields.description.as_str());
    let (name, description) = NAMES.check(rows, &mut wrong, space.0, given, this.map(|this| this.id.0))?;
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, space.0, (&fields.slug, &name), present)?;
    wrong.finish()?;
    Ok(Fields { name, slug, description })
}

/// One group, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Group> {
    sql::by_id(rows, id)
}

mod sql {
    use super::*;
    use crate::company::access::Writing;
    use rusqlite::Row;

    const COLUMNS: &str = "id, space_id, name, slug, description";

    fn read(row: &Row<'_>) -> rusqlite::Result<Group> {
        Ok(Group {
            id: row.get(0)?,
            space: row.get(1)?,
            name: row.get(2)?,
            slug: row.get(3)?,
            description: row.get(4)?,
        })
    }

    pub fn list(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Group>> {
        rows.page((COLUMNS, "FROM project_groups", "name_key"), wanted, page, read)
    }

    pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Group> {
        rows.one(&format!("SELECT {COLUMNS} FROM project_groups WHERE id = ?1"), [id], read)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    pub fn insert(tx: &Writing<'_>, space: Id<Space>, fields: &Fields) -> Result<Id<Kind>> {
        let id = tx.insert(
            "INSERT INTO project_groups (space_id, name, name_key, slug, description) VALUES (?1, ?2, ?3, ?4, ?5)",
            (space, &fields.name, names::key(&fields.name), &fields.slug, &fields.description),
        )?;
        Ok(Id::new(id))
    }

    pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
        tx.run(
            "UPDATE project_groups SET name = ?2, name_key = ?3, description = ?4, slug = ?5 WHERE id = ?1",
            (id, &fields.name, names::key(&fields.name), &fields.description, &fields.slug),
        )?;
        Ok(())
    }

    pub fn another(rows: &Rows<'_>, group: &Group) -> Result<bool> {
        rows.any("SELECT 1 FROM project_groups WHERE space_id = ?1 AND id <> ?2", (group.space, group.id))
    }
}
