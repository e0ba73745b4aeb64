//! Teams: people, and roles with a scope. What a team's roles allow, its members may do; there is no other way to a right.
//!
//! A team stands outside all spaces or in one. Four are built in: Everyone, Administrators, Managers, and each space's
//! managers. Nobody gives what they do not hold (`access-rules §2, §5`).

pub mod emergency;
pub mod ending;
mod members;
mod model;
mod placed;
mod roles;
mod scoped;
pub mod selfservice;
mod sql;
mod words;

pub use members::{Joining, add_members, customers, members, members_of, remove_member, set_members};
pub(in crate::company) use members::{join, joinable};
pub use model::{
    Builtin, Fields, Filter, Limited, Member, OwnRole, RoleFields, RolePermissions, RoleSpec, Scope, ScopedFields,
    ScopedRole, Team, UserRole,
};
pub(in crate::company) use placed::{gifts_of_managers, gifts_of_role, give, limits_fit, wire};
pub use roles::{Use, clone_role, create_role, delete_role, edit_role, list_roles, reset_role, show_role, uses_of};
pub(in crate::company) use roles::{ensure_role, role_named};
pub use scoped::{
    add_role, ask_roles, change_role, own_roles, own_teams, remove_role, role, roles_in, roles_in_standby, roles_of,
    roles_of_user, team_of,
};
pub(in crate::company) use scoped::{names_seen, roles_to_come};
pub use words::{Summary, beyond, summary};

use super::access::{
    Event, Gifts, Granted, Level, Rows, Writing,
    permissions::{
        self as catalogue, Info, List, Permission, TeamCreate, TeamDelete, TeamEdit, TeamView, TenantView, named,
    },
};
use crate::base::{
    error::{Error, Fields as Wrong, Result},
    ids::{Id, Space, Team as Kind, User},
    names,
    paging::{Listed, Page},
};

/// The teams of the levels that were granted: outside all spaces first, then space by space, by name. Those for a tenant's
/// own people are there for who may see the tenant.
pub fn list(granted: &[Granted<'_, List<TeamView>>], filter: &Filter, page: Page) -> Result<Listed<Team>> {
    let Some(first) = granted.first() else { return Ok(Listed { items: Vec::new(), total: 0 }) };
    let levels: Vec<i64> = granted.iter().map(|one| one.what().space()).collect();
    let hidden: Vec<_> = levels
        .iter()
        .filter(|space| **space > 0)
        .map(|space| (*space, first.reach_of::<TenantView>(*space)))
        .filter(|(_, reach)| !reach.is_all())
        .collect();
    first.read(|rows| sql::list(rows, &levels, filter, &hidden, page))
}

/// One team.
pub fn show(granted: &Granted<'_, TeamView>) -> Result<Team> {
    granted.read(|rows| sql::by_id(rows, granted.what().team.id()))
}

/// Makes a team, without members and roles.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken.
pub fn create(granted: &Granted<'_, TeamCreate>, fields: Fields) -> Result<Team> {
    create_for(granted, fields, None)
}

/// Makes a team, without members and roles, that is one for emergencies of at most so many hours each when they are given.
///
/// # Errors
/// As [`create`]; `Invalid` for the hours.
pub fn create_for(granted: &Granted<'_, TeamCreate>, fields: Fields, emergency_hours: Option<i64>) -> Result<Team> {
    emergency::check_hours(emergency_hours)?;
    let space = match &granted.what().level {
        Level::System => None,
        Level::Space(space) => Some(space.id()),
    };
    granted.write(|tx| {
        let (id, mut event) = insert(tx, space, &fields)?;
        if let Some(hours) = emergency_hours {
            sql::set_emergency_hours(tx, id, emergency_hours)?;
            event = event.say(&format!(", for emergencies of at most {hours} hours each"));
        }
        tx.access_changed()?;
        tx.record(event, sql::by_id(tx, id)?)
    })
}

fn insert(tx: &Writing<'_>, space: Option<Id<Space>>, fields: &Fields) -> Result<(Id<Kind>, Event)> {
    let fields = check(tx, space, fields, None)?;
    let id = sql::insert(tx, space, &fields)?;
    let event = Event::new("Created").say("Team ").name(id, &fields.name).say(" was created");
    Ok((id, event.space(number(space))))
}

/// Makes a team inside a change that goes on, and tells of it.
///
/// # Errors
/// As [`create`].
pub(in crate::company) fn make(
    tx: &Writing<'_>,
    space: Option<Id<Space>>,
    name: &str,
    description: &str,
) -> Result<Team> {
    let (id, event) = insert(tx, space, &Fields { name: name.into(), description: description.into() })?;
    tx.also(event)?;
    sql::by_id(tx, id)
}

/// One team, inside a change that was granted for it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Team> {
    sql::by_id(rows, id)
}

/// The team of administrators.
pub(in crate::company) fn administrators(rows: &Rows<'_>) -> Result<Id<Kind>> {
    sql::builtin_team(rows, "administrators")
}

/// Changes a team's name and description.
///
/// # Errors
/// As [`create`]; `Conflict` for a new name for a built-in team.
pub fn edit(granted: &Granted<'_, TeamEdit>, fields: Fields) -> Result<Team> {
    whole(granted)?;
    let id = granted.what().team.team().id();
    granted.write(|tx| {
        let before = sql::by_id(tx, id)?;
        let fields = check(tx, before.space, &fields, Some(id))?;
        if !before.is_own() && fields.name != before.name {
            return Err(Error::Conflict(format!("{} is built in and keeps its name.", before.name)));
        }
        sql::update(tx, id, &fields)?;
        let after = sql::by_id(tx, id)?;
        let event = Event::new("Modified").say("Team ").name(id, &after.name).say(" was changed");
        tx.record(event.space(number(after.space)).difference(&before, &after), after)
    })
}

/// Deletes a team; its members lose what only its roles gave them.
///
/// # Errors
/// `Conflict` for a built-in team.
pub fn delete(granted: &Granted<'_, TeamDelete>) -> Result<()> {
    let id = granted.what().team.id();
    let administers = |rows: &Rows<'_>| Ok(Gifts::of_teams(rows, &[id.0])?.administers());
    let strong = granted.read(administers)?;
    granted.visitor().ask_to_overrule(strong)?;
    granted.write(|tx| {
        if administers(tx)? != strong {
            return Err(meanwhile());
        }
        let gone = sql::by_id(tx, id)?;
        if !gone.is_own() {
            return Err(Error::Conflict(format!("{} is built in and cannot be deleted.", gone.name)));
        }
        tx.run("DELETE FROM teams WHERE id = ?1", [id])?;
        tx.access_changed()?;
        let event = Event::new("Deleted").say("Team ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(number(gone.space)), ())
    })
}

fn check(rows: &Rows<'_>, space: Option<Id<Space>>, fields: &Fields, this: Option<Id<Kind>>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let name = wrong.check("Name", names::name(&fields.name, 200)).unwrap_or_default();
    let description = wrong.check("Description", names::text(&fields.description, 2000)).unwrap_or_default();
    if wrong.is_empty() && sql::name_taken(rows, space, &name, this)? {
        wrong.add("Name", format!("There is a team called “{name}” already. Choose another name."));
    }
    wrong.finish()?;
    Ok(Fields { name, description })
}

fn number(space: Option<Id<Space>>) -> i64 {
    space.map_or(0, |space| space.0)
}

/// Name and members concern the whole team; the right to change its roles in one space is not enough.
pub(in crate::company) fn whole(granted: &Granted<'_, TeamEdit>) -> Result<()> {
    match granted.what().team.space() {
        None => Ok(()),
        Some(_) => Err(Error::Conflict("Only its roles in this space can be changed from here.".into())),
    }
}

/// Refuses a state in which nobody can administer the company any more. Called at the end of a change of members or users.
pub(in crate::company) fn keep_an_administrator(tx: &Writing<'_>) -> Result<()> {
    if sql::has_active_administrator(tx)? {
        return Ok(());
    }
    Err(Error::Conflict(
        "Administrators would be left without anybody who can sign in. Put somebody else into that team first.".into(),
    ))
}

/// The rights of the company as a whole that a user has through their teams.
pub(in crate::company) fn system_rights_of_user(rows: &Rows<'_>, user: Id<User>) -> Result<Vec<&'static Info>> {
    Ok(infos(sql::system_rights_of_user(rows, user)?))
}

/// Of some rights, full administration alone: who holds it is out of reach for those who do not.
pub(in crate::company) fn only_administration(rights: &[&'static Info]) -> Vec<&'static Info> {
    rights.iter().copied().filter(|info| info.key == catalogue::AdministerSystem::INFO.key).collect()
}

fn meanwhile() -> Error {
    Error::Conflict("Somebody changed this team meanwhile. Look at it again and repeat your change.".into())
}

fn infos(names: Vec<String>) -> Vec<&'static Info> {
    names.iter().filter_map(|name| named(name)).filter(|info| info.at_system()).collect()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod emergency_tests;
