//! Teams: people, and roles with a scope. What a team's roles allow, its members may do; there is no other way to a right.
//!
//! A team stands outside all spaces or in one. Four are built in: Everyone, Administrators, Managers, and each space's
//! managers. Nobody gives what they do not hold (`access-rules §2, §5`).

mod roles;
mod scoped;
pub(in crate::company) mod selfservice;
mod sql;
mod words;

pub use roles::{RolePermissions, UserRole, list_roles, show_role};
pub use scoped::{
    Limited, Scope, ScopedFields, ScopedRole, add_role, ask_roles, change_role, own_roles, own_teams, remove_role,
    role, roles_of, roles_of_user, team_of,
};
pub(in crate::company) use scoped::{names_seen, roles_to_come};
pub use words::{Summary, summary};

use super::access::{
    Event, Granted, Level, Rows, Writing,
    permissions::{
        self as catalogue, Info, List, Permission, TeamCreate, TeamDelete, TeamEdit, TeamView, TenantView, UserView,
        named,
    },
};
use crate::base::{
    error::{Error, Fields as Wrong, Result},
    ids::{Id, Space, Team as Kind, Tenant, User},
    names,
    paging::{Listed, Page},
};
use serde::Serialize;

/// The teams that every company has, and every space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Builtin {
    /// Every person and service account; its members are not chosen.
    Everyone,
    /// Hold every right of the company as a whole. Never without an active member.
    Administrators,
    /// Hold every right of the company as a whole but full administration.
    Managers,
    /// May do everything in their space.
    SpaceManagers,
}

/// A team.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Team {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space; `None`: it stands outside all spaces.
    #[serde(skip)]
    pub space: Option<Id<Space>>,
    /// The name of its space.
    #[serde(skip)]
    pub space_name: Option<String>,
    /// The tenant whose own people it is for.
    #[serde(skip)]
    pub tenant: Option<Id<Tenant>>,
    /// Which of the built-in teams it is.
    #[serde(skip)]
    pub builtin: Option<Builtin>,
    /// Its name, unique in its space or among the teams outside all spaces.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// How many are in it.
    #[serde(skip)]
    pub members: i64,
}

impl Team {
    /// Its id on the wire: built-in teams have conventional ones (`access-rules §6`).
    pub fn wire_id(&self) -> String {
        match (self.builtin, self.space) {
            (Some(Builtin::Everyone), _) => "teams-everyone".into(),
            (Some(Builtin::Administrators), _) => "teams-administrators".into(),
            (Some(Builtin::Managers), _) => "teams-managers".into(),
            (Some(Builtin::SpaceManagers), Some(space)) => format!("teams-spacemanagers-{space}"),
            _ => self.id.to_string(),
        }
    }
    /// Whether it may be renamed or deleted.
    pub fn is_own(&self) -> bool {
        self.builtin.is_none()
    }
    /// Whether its members are chosen.
    pub fn has_members(&self) -> bool {
        self.builtin != Some(Builtin::Everyone)
    }
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique at its level.
    pub name: String,
    /// At most 2,000 characters.
    pub description: String,
}

impl Fields {
    /// Nothing but a name.
    pub fn named(name: &str) -> Fields {
        Fields { name: name.into(), ..Fields::default() }
    }
}

/// Which teams are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only those this user is a member of.
    pub member: Option<Id<User>>,
}

/// Somebody in a team.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub id: Id<User>,
    /// Their name; `None` for a visitor who may not see users.
    pub name: Option<String>,
    /// What they sign in with, or a service account's name.
    pub username: Option<String>,
    /// Whether it is a service account.
    pub is_service: bool,
    /// Whether they can sign in.
    pub is_active: bool,
}

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

/// Who is in a team, by name. Everyone's members are not listed: they are everyone.
pub fn members(granted: &Granted<'_, TeamView>) -> Result<Vec<Member>> {
    let visitor = granted.visitor();
    let named = visitor.may(UserView {});
    let mut members = granted.read(|rows| sql::members(rows, granted.what().team.id()))?;
    for member in members.iter_mut().filter(|member| !named && visitor.user() != Some(member.id)) {
        (member.name, member.username) = (None, None);
    }
    Ok(members)
}

/// Makes a team, without members and roles.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken.
pub fn create(granted: &Granted<'_, TeamCreate>, fields: Fields) -> Result<Team> {
    let space = match &granted.what().level {
        Level::System => None,
        Level::Space(space) => Some(space.id()),
    };
    granted.write(|tx| {
        let fields = check(tx, space, &fields, None)?;
        let id = sql::insert(tx, space, &fields)?;
        tx.access_changed()?;
        let event = Event::new("Created").say("Team ").name(id, &fields.name).say(" was created");
        tx.record(event.space(number(space)), sql::by_id(tx, id)?)
    })
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
    let carried = granted.read(|rows| system_rights_of_team(rows, id))?;
    granted.visitor().ask_to_give(&only_administration(&carried))?;
    granted.write(|tx| {
        as_looked_at(&carried, &system_rights_of_team(tx, id)?)?;
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

/// Puts people into a team. Who is in it already stays.
///
/// # Errors
/// `Invalid` for somebody unknown, `Conflict` for Everyone, `Denied` when the team holds a right of the company as a
/// whole that the visitor does not hold.
pub fn add_members(granted: &Granted<'_, TeamEdit>, users: &[Id<User>]) -> Result<()> {
    change_members(granted, |members| members.extend(users))
}

/// Takes somebody out of a team. From a team of administration only administrators can.
///
/// # Errors
/// `Conflict` for Everyone and for the last active administrator.
pub fn remove_member(granted: &Granted<'_, TeamEdit>, user: Id<User>) -> Result<()> {
    change_members(granted, |members| members.retain(|id| *id != user))
}

/// Makes these the members of a team.
///
/// # Errors
/// As [`add_members`] and [`remove_member`].
pub fn set_members(granted: &Granted<'_, TeamEdit>, users: &[Id<User>]) -> Result<()> {
    change_members(granted, |members| *members = users.to_vec())
}

fn change_members(granted: &Granted<'_, TeamEdit>, change: impl Fn(&mut Vec<Id<User>>)) -> Result<()> {
    whole(granted)?;
    let id = granted.what().team.team().id();
    let changed = |rows: &Rows<'_>| -> Result<(Vec<Member>, Vec<Id<User>>)> {
        let before = sql::members(rows, id)?;
        let mut after: Vec<Id<User>> = before.iter().map(|member| member.id).collect();
        change(&mut after);
        after.sort_unstable();
        after.dedup();
        Ok((before, after))
    };
    let (adds, removes, carried) = granted.read(|rows| {
        let (before, after) = changed(rows)?;
        let adds = after.iter().any(|id| before.iter().all(|member| member.id != *id));
        let removes = before.iter().any(|member| !after.contains(&member.id));
        Ok((adds, removes, system_rights_of_team(rows, id)?))
    })?;
    if adds || removes {
        granted.fresh()?;
    }
    if adds {
        granted.visitor().ask_to_give(&carried)?;
    } else if removes {
        granted.visitor().ask_to_give(&only_administration(&carried))?;
    }
    granted.write(|tx| {
        let began = tx.changes();
        let team = sql::by_id(tx, id)?;
        let (before, after) = changed(tx)?;
        let added: Vec<Id<User>> =
            after.iter().copied().filter(|id| before.iter().all(|member| member.id != *id)).collect();
        let removed: Vec<Id<User>> = before.iter().map(|member| member.id).filter(|id| !after.contains(id)).collect();
        if added.is_empty() && removed.is_empty() {
            return tx.unchanged(began, ());
        }
        as_looked_at(&carried, &system_rights_of_team(tx, id)?)?;
        if (!added.is_empty(), !removed.is_empty()) != (adds, removes) {
            return Err(meanwhile());
        }
        if !team.has_members() {
            return Err(Error::Conflict(
                "Everybody is in Everyone; its members are not chosen. Choose another team.".into(),
            ));
        }
        let mut event = Event::new("Modified").say("Team ").name(id, &team.name).say(": ");
        let mut first = true;
        for (users, word) in [(&added, " joined"), (&removed, " left")] {
            for user in users {
                let name = sql::name_of_user(tx, *user)?.ok_or_else(|| {
                    Error::invalid(
                        "MemberUserIds",
                        format!("There is nobody with the id {user}. Choose somebody else."),
                    )
                })?;
                event = event.say(if first { "" } else { ", " }).name(*user, &name).say(word);
                first = false;
            }
        }
        sql::put_members(tx, id, &added, &removed)?;
        keep_an_administrator(tx)?;
        tx.access_changed()?;
        tx.record(event.space(number(team.space)), ())
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

/// Puts a user into a team, inside a transaction that told of the user's making; gives the team's name.
pub(in crate::company) fn join(tx: &Writing<'_>, team: Id<Kind>, user: Id<User>) -> Result<String> {
    let name = joinable(tx, team)?;
    sql::put_members(tx, team, &[user], &[])?;
    Ok(name)
}

/// The name of a team that people can be put into.
pub(in crate::company) fn joinable(rows: &Rows<'_>, team: Id<Kind>) -> Result<String> {
    let team = sql::by_id(rows, team)?;
    if !team.has_members() {
        return Err(Error::invalid("AddToTeamIds", "Everybody is in Everyone already. Choose another team."));
    }
    Ok(team.name)
}

/// The rights of the company as a whole that a team's roles carry.
pub(in crate::company) fn system_rights_of_team(rows: &Rows<'_>, team: Id<Kind>) -> Result<Vec<&'static Info>> {
    Ok(infos(sql::system_rights_of_team(rows, team)?))
}

/// The rights of the company as a whole that a user has through their teams.
pub(in crate::company) fn system_rights_of_user(rows: &Rows<'_>, user: Id<User>) -> Result<Vec<&'static Info>> {
    Ok(infos(sql::system_rights_of_user(rows, user)?))
}

/// Of some rights, full administration alone: who holds it is out of reach for those who do not.
pub(in crate::company) fn only_administration(rights: &[&'static Info]) -> Vec<&'static Info> {
    rights.iter().copied().filter(|info| info.key == catalogue::AdministerSystem::INFO.key).collect()
}

/// What may be given was decided before the change began; if that rested on something else than is there now, the change
/// is not made.
fn as_looked_at(before: &[&'static Info], now: &[&'static Info]) -> Result<()> {
    let same = before.len() == now.len() && before.iter().zip(now).all(|(a, b)| a.key == b.key);
    if same { Ok(()) } else { Err(meanwhile()) }
}

fn meanwhile() -> Error {
    Error::Conflict("Somebody changed this team meanwhile. Look at it again and repeat your change.".into())
}

fn infos(names: Vec<String>) -> Vec<&'static Info> {
    names.iter().filter_map(|name| named(name)).filter(|info| info.at_system()).collect()
}

#[cfg(test)]
mod tests;
