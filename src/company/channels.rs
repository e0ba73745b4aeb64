//! Channels: lines of releases of one project. Every project has one default channel.
//!
//! Channels are seen and changed with the rights to the project's process.

use super::access::{
    Columns, Conditions, Event, Granted, Rows, Within, named,
    permissions::{List, ProcessEdit, ProcessView},
};
use super::projects;
use crate::base::{
    error::{Error, Fields as Wrong, Result},
    ids::{Channel as Kind, Id, Project, Space},
    names,
    paging::{Listed, Page},
};
use crate::company::{naming::Named, references};
use serde::Serialize;

/// How they are named.
const NAMES: Named = Named { table: "channels", within: "project_id", one: "a channel", slug: "channel" };

/// A channel.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Channel {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its project.
    #[serde(skip)]
    pub project: Id<Project>,
    /// The space of the project.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its name, unique in its project.
    pub name: String,
    /// What stands for it in addresses; kept when the name changes.
    pub slug: String,
    /// What it is for.
    pub description: String,
    /// Releases go into it when nothing else is said.
    pub is_default: bool,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the project.
    pub name: String,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// At most 2,000 characters.
    pub description: String,
    /// True makes it the default in place of the one that was; `None`: as it is.
    pub is_default: Option<bool>,
}

/// Which channels are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only those of this project.
    pub project: Option<i64>,
}

/// The channels of a space that the visitor may see: by project, the default first, then by name.
pub fn list(granted: &Granted<'_, List<ProcessView>>, filter: &Filter, page: Page) -> Result<Listed<Channel>> {
    let reach = granted.reach();
    granted.read(|rows| {
        let wanted = Conditions::of("p.space_id = $", granted.what().space())
            .named("c.name_key", &filter.partial_name)
            .among("c.id", filter.ids.as_deref())
            .asked("p.id = $", filter.project)
            .seen(&reach, Columns { group: Some("p.group_id"), project: Some("p.id"), ..Columns::default() });
        sql::list(rows, &wanted, page)
    })
}

/// One channel of the project, by id, slug or name.
///
/// # Errors
/// `NotFound` when the project has none like it.
pub fn show(granted: &Granted<'_, ProcessView>, text: &str) -> Result<Channel> {
    granted.read(|rows| find(rows, granted.what().project.id(), text))
}

/// Makes a channel.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken.
pub fn create(granted: &Granted<'_, ProcessEdit>, fields: Fields) -> Result<Channel> {
    let project = granted.what().project.id();
    granted.write(|tx| {
        let of = projects::by_id(tx, project)?;
        let fields = check(tx, project, &fields, None)?;
        let id = sql::insert(tx, project, &fields)?;
        if fields.is_default == Some(true) {
            sql::make_default(tx, project, id)?;
        }
        let made = sql::by_id(tx, id)?;
        let event = Event::new("Created")
            .say("Channel ")
            .name(id, &made.name)
            .say(" of ")
            .name(of.id, &of.name)
            .say(" was created");
        tx.record(event.space(of.space.0).project(of.id.0, Some(of.group.0)), made)
    })
}

/// Changes a channel of the project. `is_default` makes it the default; the default one stays so until another is.
///
/// # Errors
/// As [`create`]; `Invalid` for taking the default away without another; `NotFound` when the channel is not of the project.
pub fn edit(granted: &Granted<'_, ProcessEdit>, channel: Id<Kind>, fields: Fields) -> Result<Channel> {
    let project = granted.what().project.id();
    granted.write(|tx| {
        let of = projects::by_id(tx, project)?;
        let before = sql::of_project(tx, project, channel)?;
        let fields = check(tx, project, &fields, Some(&before))?;
        sql::update(tx, channel, &fields)?;
        if fields.is_default == Some(true) && !before.is_default {
            sql::make_default(tx, project, channel)?;
        }
        let after = sql::by_id(tx, channel)?;
        let event = Event::new("Modified")
            .say("Channel ")
            .name(channel, &after.name)
            .say(" of ")
            .name(of.id, &of.name)
            .say(" was changed");
        tx.record(event.space(of.space.0).project(of.id.0, Some(of.group.0)).difference(&before, &after), after)
    })
}

/// Deletes a channel of the project.
///
/// # Errors
/// `Conflict` for the default one, while it has releases, and while a step is limited to it (`domain §15`).
pub fn delete(granted: &Granted<'_, ProcessEdit>, channel: Id<Kind>) -> Result<()> {
    let project = granted.what().project.id();
    granted.write(|tx| {
        let of = projects::by_id(tx, project)?;
        let gone = sql::of_project(tx, project, channel)?;
        if gone.is_default {
            return Err(Error::Conflict(format!(
                "{} is the default channel. Make another the default first.",
                gone.name
            )));
        }
        let releases = sql::releases(tx, channel)?;
        if releases > 0 {
            let some = if releases == 1 { "1 release".into() } else { format!("{releases} releases") };
            return Err(Error::Conflict(format!("{} cannot be deleted: it has {some}. Delete them first.", gone.name)));
        }
        let users = references::words(&references::of_channel(tx, channel)?, granted.visitor());
        if let Some(users) = references::sentence(&users) {
            return Err(Error::Conflict(format!("{} cannot be deleted: it is used by {users}.", gone.name)));
        }
        tx.run("DELETE FROM channels WHERE id = ?1", [channel])?;
        let event = Event::new("Deleted")
            .say("Channel ")
            .name(channel, &gone.name)
            .say(" of ")
            .name(of.id, &of.name)
            .say(" was deleted");
        tx.record(event.space(of.space.0).project(of.id.0, Some(of.group.0)), ())
    })
}

/// Who uses a channel of the project, in words, as far as the visitor may see it; its releases are not among them.
///
/// # Errors
/// `NotFound` for a channel that the project does not have.
pub fn users(granted: &Granted<'_, ProcessEdit>, channel: Id<Kind>) -> Result<Vec<String>> {
    let users = granted.read(|rows| {
        sql::of_project(rows, granted.what().project.id(), channel)?;
        references::of_channel(rows, channel)
    })?;
    Ok(references::words(&users, granted.visitor()))
}

fn check(rows: &Rows<'_>, project: Id<Project>, fields: &Fields, this: Option<&Channel>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let given = (fields.name.as_str(), fields.description.as_str());
    let (name, description) = NAMES.check(rows, &mut wrong, project.0, given, this.map(|this| this.id.0))?;
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, project.0, (&fields.slug, &name), present)?;
    if fields.is_default == Some(false) && this.is_some_and(|this| this.is_default) {
        wrong.add("IsDefault", "Every project has a default channel. Make another one the default instead.");
    }
    wrong.finish()?;
    Ok(Fields { name, slug, description, is_default: fields.is_default })
}

/// One channel, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Channel> {
    sql::by_id(rows, id)
}

/// The channel of a project that somebody names, by its id, name or slug.
pub(in crate::company) fn find(rows: &Rows<'_>, project: Id<Project>, text: &str) -> Result<Channel> {
    sql::of_project(rows, project, named(rows, Within::Project(project.0), text)?)
}

/// The default channel of a project.
pub(in crate::company) fn default_of(rows: &Rows<'_>, project: Id<Project>) -> Result<Channel> {
    sql::default_of(rows, project)
}

mod sql {
    use super::*;
    use crate::company::access::Writing;
    use rusqlite::Row;

    const FIELDS: &str = "c.id, c.project_id, p.space_id, c.name, c.slug, c.description, c.is_default";
    const FROM: &str = "FROM channels c JOIN projects p ON p.id = c.project_id";

    fn read(row: &Row<'_>) -> rusqlite::Result<Channel> {
        Ok(Channel {
            id: row.get(0)?,
            project: row.get(1)?,
            space: row.get(2)?,
            name: row.get(3)?,
            slug: row.get(4)?,
            description: row.get(5)?,
            is_default: row.get(6)?,
        })
    }

    pub fn list(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Channel>> {
        rows.page((FIELDS, FROM, "p.name_key, c.is_default DESC, c.name_key"), wanted, page, read)
    }

    pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Channel> {
        rows.one(&format!("SELECT {FIELDS} {FROM} WHERE c.id = ?1"), [id], read)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    pub fn of_project(rows: &Rows<'_>, project: Id<Project>, id: Id<Kind>) -> Result<Channel> {
        rows.one(&format!("SELECT {FIELDS} {FROM} WHERE c.id = ?1 AND c.project_id = ?2"), (id, project), read)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    pub fn default_of(rows: &Rows<'_>, project: Id<Project>) -> Result<Channel> {
        rows.one(
            &format!("SELECT {FIELDS} {FROM} WHERE c.project_id = ?1 ORDER BY c.is_default DESC, c.id LIMIT 1"),
            [project],
            read,
        )?
        .ok_or_else(|| Error::internal(format!("{project} has no channel")))
    }

    pub fn insert(tx: &Writing<'_>, project: Id<Project>, fields: &Fields) -> Result<Id<Kind>> {
        let id = tx.insert(
            "INSERT INTO channels (project_id, name, name_key, slug, description) VALUES (?1, ?2, ?3, ?4, ?5)",
            (project, &fields.name, names::key(&fields.name), &fields.slug, &fields.description),
        )?;
        Ok(Id::new(id))
    }

    pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
        tx.run(
            "UPDATE channels SET name = ?2, name_key = ?3, description = ?4, slug = ?5 WHERE id = ?1",
            (id, &fields.name, names::key(&fields.name), &fields.description, &fields.slug),
        )?;
        Ok(())
    }

    pub fn make_default(tx: &Writing<'_>, project: Id<Project>, id: Id<Kind>) -> Result<()> {
        tx.run("UPDATE channels SET is_default = (id = ?2) WHERE project_id = ?1", (project, id))?;
        Ok(())
    }

    pub fn releases(rows: &Rows<'_>, id: Id<Kind>) -> Result<i64> {
        rows.number("SELECT count(*) FROM releases WHERE channel_id = ?1", [id])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::{
        access::{Visitor, Within, permissions::ProjectCreate},
        testing::harbour,
    };

    #[test]
    fn one_channel_is_always_the_default() {
        let harbour = harbour();
        let ada = harbour.ada();
        let group = ada.locate(Within::Space(1), "Default project group").unwrap();
        projects::create(&ada.ask(ProjectCreate { group }).unwrap(), projects::Fields::named("Shop")).unwrap();
        let granted = |visitor: &Visitor| visitor.locate::<Project>(Within::Space(1), "Shop").unwrap();
        let grant = ada.ask(ProcessEdit { project: granted(&ada) }).unwrap();
        let named = |name: &str, is_default: bool| Fields {
            name: name.into(),
            is_default: Some(is_default),
            ..Fields::default()
        };
        let beta = create(&grant, named("Beta", false)).unwrap();
        assert!(delete(&grant, Id::new(1)).unwrap_err().to_string().contains("is the default channel"));
        assert!(create(&grant, named("beta", false)).unwrap_err().to_string().contains("already"));
        edit(&grant, beta.id, named("Beta", true)).unwrap();
        let defaults = harbour.sql(|c| {
            c.query_row("SELECT count(*), max(id) FROM channels WHERE is_default", [], |r| {
                Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?))
            })
        });
        assert_eq!(defaults, (1, beta.id.0));
        delete(&grant, Id::new(1)).unwrap();
        assert!(edit(&grant, Id::new(1), named("Gone", false)).is_err());
    }
}
