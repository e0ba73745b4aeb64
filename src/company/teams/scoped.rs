//! Roles on teams, each with its scope and perhaps an end (`access-rules §2`, putting a role on a team).

use super::{
    meanwhile,
    model::{ScopedFields, ScopedRole, Settled, UserRole},
    number,
    placed::{insert, strange, told},
    sql,
};
use crate::{
    base::{
        clock::{self},
        error::{Error, Fields as Wrong, Result},
        ids::{Id, ScopedUserRole, Space, Team, User},
        paging::Page,
    },
    company::access::{
        At, Columns, Event, Gifts, Granted, Myself, Reach, Rows, TeamPart, Visitor,
        permissions::{
            EnvironmentView, List, Permission, ProjectGroupView, ProjectView, RunbookView, TeamEdit, TeamView,
            TenantView, UserRoleView,
        },
        policy::Dimension,
    },
};

/// Asks for the right to change a team's roles: of the whole team, or else those in one space.
pub fn ask_roles<'v>(
    visitor: &'v Visitor,
    team: &At<Team>,
    space: Option<&At<Space>>,
) -> Result<Granted<'v, TeamEdit>> {
    let whole = TeamEdit { team: TeamPart::Whole(team.clone()) };
    match space {
        Some(space) if !visitor.may(whole.clone()) => {
            let inside = TeamEdit { team: TeamPart::RolesIn(team.clone(), space.clone()) };
            // Whoever lacks both is told of the right to the team itself.
            if visitor.may(inside.clone()) { visitor.ask(inside) } else { visitor.ask(whole) }
        }
        _ => visitor.ask(whole),
    }
}

/// The roles of a team, those outside all spaces first. Those of spaces that the visitor may not enter are left out.
pub fn roles_of(granted: &Granted<'_, TeamView>) -> Result<Vec<ScopedRole>> {
    let team = granted.what().team.id();
    let spaces: Vec<Id<Space>> = granted.visitor().spaces()?.into_iter().map(|space| space.id).collect();
    let own = (granted.what().team.space_id() > 0).then(|| Id::new(granted.what().team.space_id()));
    let sees = |space: Option<Id<Space>>| space.is_none_or(|space| spaces.contains(&space) || own == Some(space));
    let mut roles = granted.read(|rows| sql::scoped_roles(rows, Some(team), None))?;
    roles.retain(|role| sees(role.space));
    named(granted, &mut roles)?;
    Ok(roles)
}

/// The roles of the teams of the levels that were granted, each with its team. As [`roles_of`], without the names of limits.
pub fn roles_in(granted: &[Granted<'_, List<TeamView>>]) -> Result<Vec<(super::Team, ScopedRole)>> {
    let Some(first) = granted.first() else { return Ok(Vec::new()) };
    let teams = super::list(granted, &super::Filter::default(), Page::ALL)?.items;
    let spaces: Vec<Id<Space>> = first.visitor().spaces()?.into_iter().map(|space| space.id).collect();
    let roles = first.read(|rows| sql::scoped_roles(rows, None, None))?;
    let seen = roles.into_iter().filter_map(|role| {
        let team = teams.iter().find(|team| team.id == role.team)?;
        let sees = role.space.is_none_or(|space| spaces.contains(&space) || team.space == Some(space));
        sees.then(|| (team.clone(), role))
    });
    Ok(seen.collect())
}

/// The roles that somebody new will have in these teams, with the team's name, those of Everyone among them;
/// and how many more lie in spaces that the visitor may not enter.
pub(in crate::company) fn roles_to_come<P: Permission>(
    granted: &Granted<'_, P>,
    teams: &[Id<Team>],
) -> Result<(Vec<(String, ScopedRole)>, usize)> {
    let spaces: Vec<Id<Space>> = granted.visitor().spaces()?.into_iter().map(|space| space.id).collect();
    let found = granted.read(|rows| {
        let mut found = Vec::new();
        let everyone = if sql::keeps_out_of_everyone(rows, teams)? { None } else { Some(sql::everyone(rows)?) };
        for team in teams.iter().copied().chain(everyone) {
            let name = sql::by_id(rows, team)?.name;
            found.extend(sql::scoped_roles(rows, Some(team), None)?.into_iter().map(|role| (name.clone(), role)));
        }
        Ok(found)
    })?;
    let (names, mut roles): (Vec<String>, Vec<ScopedRole>) =
        found.into_iter().filter(|(_, role)| !role.has_ended()).unzip();
    let seen: Vec<bool> = roles.iter().map(|role| role.space.is_none_or(|space| spaces.contains(&space))).collect();
    named(granted, &mut roles)?;
    let hidden = seen.iter().filter(|seen| !**seen).count();
    let roles = names.into_iter().zip(roles).zip(seen).filter(|(_, seen)| *seen).map(|(role, _)| role);
    Ok((roles.collect(), hidden))
}

/// The team that has a role, if it stands at one of the granted levels.
///
/// # Errors
/// `NotFound` also for a team that the visitor may not see.
pub fn team_of(granted: &[Granted<'_, List<TeamView>>], id: Id<ScopedUserRole>) -> Result<Id<Team>> {
    let missing = || Error::NotFound(id.to_string());
    let first = granted.first().ok_or_else(missing)?;
    let found = first.read(|rows| {
        let role = sql::scoped_roles(rows, None, Some(id))?.pop();
        role.map(|role| sql::by_id(rows, role.team)).transpose()
    })?;
    let team = found.ok_or_else(missing)?;
    let seen = granted.iter().any(|one| one.what().space() == number(team.space));
    if seen { Ok(team.id) } else { Err(missing()) }
}

/// The roles that somebody has through their teams, those of Everyone among them; and how many more they have in spaces
/// that the visitor may not enter.
pub fn roles_of_user(granted: &Granted<'_, UserRoleView>, user: &At<User>) -> Result<(Vec<ScopedRole>, usize)> {
    let spaces: Vec<Id<Space>> = granted.visitor().spaces()?.into_iter().map(|space| space.id).collect();
    let mut roles = granted.read(|rows| sql::roles_of_user(rows, user.id()))?;
    let all = roles.len();
    roles.retain(|role| role.space.is_none_or(|space| spaces.contains(&space)));
    named(granted, &mut roles)?;
    let hidden = all - roles.len();
    Ok((roles, hidden))
}

/// All roles that one has oneself, with the names of what they are limited to, as far as one may see it.
pub fn own_roles(granted: &Granted<'_, Myself>) -> Result<Vec<ScopedRole>> {
    let mut roles = granted.read(|rows| sql::roles_of_user(rows, granted.what().user()))?;
    named(granted, &mut roles)?;
    Ok(roles)
}

/// The teams that one is in oneself, Everyone among them.
pub fn own_teams(granted: &Granted<'_, Myself>) -> Result<Vec<super::Team>> {
    granted.read(|rows| sql::teams_of_user(rows, granted.what().user()))
}

/// One role of a team.
pub fn role(granted: &Granted<'_, TeamView>, id: Id<ScopedUserRole>) -> Result<ScopedRole> {
    roles_of(granted)?.into_iter().find(|role| role.id == id).ok_or_else(|| Error::NotFound(id.to_string()))
}

/// Fills in the names of what roles are limited to, as far as the visitor may see them.
pub(super) fn named<P: Permission>(granted: &Granted<'_, P>, roles: &mut [ScopedRole]) -> Result<()> {
    for role in roles.iter_mut() {
        let Some(space) = role.space else { continue };
        for dimension in Dimension::ALL {
            if role.scope.of(dimension).is_empty() {
                continue;
            }
            let ids: Vec<i64> = role.scope.of(dimension).iter().map(|one| one.id).collect();
            let names = names_seen(granted, dimension, space, &ids)?;
            for one in role.scope.of_mut(dimension) {
                one.name = names.iter().find(|(id, _)| *id == one.id).map(|(_, name)| name.clone());
            }
        }
    }
    Ok(())
}

/// Of these things of a space, those that the visitor may see, with their names.
pub(in crate::company) fn names_seen<P: Permission>(
    granted: &Granted<'_, P>,
    dimension: Dimension,
    space: Id<Space>,
    ids: &[i64],
) -> Result<Vec<(i64, String)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (reach, columns) = seen(granted, dimension, space.0);
    let mut parameters = Vec::new();
    let condition = reach.condition(columns, &mut parameters);
    granted.read(|rows| sql::names_in(rows, dimension, space, ids, &condition, parameters))
}

fn seen<P: Permission>(granted: &Granted<'_, P>, dimension: Dimension, space: i64) -> (Reach, Columns) {
    let none = Columns::default();
    match dimension {
        Dimension::Group => (granted.reach_of::<ProjectGroupView>(space), Columns { group: Some("id"), ..none }),
        Dimension::Project => {
            (granted.reach_of::<ProjectView>(space), Columns { group: Some("group_id"), project: Some("id"), ..none })
        }
        Dimension::Environment => {
            (granted.reach_of::<EnvironmentView>(space), Columns { environment: Some("id"), ..none })
        }
        Dimension::Tenant => (granted.reach_of::<TenantView>(space), Columns { tenant: Some("id"), ..none }),
        Dimension::Runbook => (
            granted.reach_of::<RunbookView>(space),
            Columns {
                group: Some("(SELECT group_id FROM projects p WHERE p.id = runbooks.project_id)"),
                project: Some("project_id"),
                runbook: Some("id"),
                ..none
            },
        ),
    }
}

/// Puts a role on a team.
///
/// # Errors
/// `Invalid` by the table of `access-rules §2` and for limits that are not of that space; `Denied` when the role allows
/// there what the visitor does not hold.
pub fn add_role(granted: &Granted<'_, TeamEdit>, fields: &ScopedFields) -> Result<Id<ScopedUserRole>> {
    granted.fresh()?;
    let settled = settle(granted, fields, None)?;
    let team = granted.what().team.team().id();
    granted.write(|tx| {
        as_settled(tx, &settled)?;
        if sql::same_role(tx, team, &settled, None)? {
            return Err(Error::invalid("UserRoleId", "The team has this role with the same limits already."));
        }
        let (id, event) = insert(tx, team, &settled)?;
        tx.access_changed()?;
        tx.record(event, id)
    })
}

/// The roles of a team for emergencies that one is in oneself, whether it is used just now or not.
///
/// # Errors
/// `NotFound` for a team that one is not in.
pub fn roles_in_standby(granted: &Granted<'_, Myself>, team: Id<Team>) -> Result<Vec<ScopedRole>> {
    let mut roles = granted.read(|rows| {
        if !sql::teams_of_user(rows, granted.what().user())?.iter().any(|one| one.id == team) {
            return Err(Error::NotFound(team.to_string()));
        }
        sql::scoped_roles(rows, Some(team), None)
    })?;
    named(granted, &mut roles)?;
    Ok(roles)
}

/// Changes a role on a team: the role itself, its limits, its end.
///
/// # Errors
/// As [`add_role`]; `Conflict` for the role that a built-in team exists for.
pub fn change_role(granted: &Granted<'_, TeamEdit>, id: Id<ScopedUserRole>, fields: &ScopedFields) -> Result<()> {
    granted.fresh()?;
    let before = of_team(granted, id)?;
    let settled = settle(granted, fields, Some(&before))?;
    let team = granted.what().team.team().id();
    granted.write(|tx| {
        as_settled(tx, &settled)?;
        if sql::same_role(tx, team, &settled, Some(id))? {
            return Err(Error::invalid("UserRoleId", "The team has this role with the same limits already."));
        }
        unchanged(tx, &before)?;
        let before = told(tx, id)?;
        sql::update_role(tx, id, &settled)?;
        let (team, after) = (sql::by_id(tx, team)?, told(tx, id)?);
        tx.access_changed()?;
        let event = Event::new("Modified")
            .say("The role ")
            .name(settled.role, &after.role)
            .say(" of team ")
            .name(team.id, &team.name);
        let event = event.say(" was changed").related(id).space(number(settled.space.or(team.space)));
        tx.record(event.difference(&before, &after), ())
    })
}

/// Takes a role off a team.
///
/// # Errors
/// `Conflict` for the role that a built-in team exists for.
pub fn remove_role(granted: &Granted<'_, TeamEdit>, id: Id<ScopedUserRole>) -> Result<()> {
    granted.fresh()?;
    let gone = of_team(granted, id)?;
    granted.visitor().ask_to_overrule(administers(&gone))?;
    granted.write(|tx| {
        unchanged(tx, &gone)?;
        let told = told(tx, id)?;
        let team = sql::by_id(tx, gone.team)?;
        tx.run("DELETE FROM scoped_roles WHERE id = ?1", [id])?;
        tx.access_changed()?;
        let event = Event::new("Modified")
            .say("The role ")
            .name(gone.role, &gone.role_name)
            .say(" was taken off team ")
            .name(team.id, &team.name);
        let event = event.related(id).space(number(gone.space.or(team.space)));
        tx.record(event.difference(&told, &serde_json::Map::new()), ())
    })
}

/// The role that is to be changed, if it is one of those that were granted.
fn of_team(granted: &Granted<'_, TeamEdit>, id: Id<ScopedUserRole>) -> Result<ScopedRole> {
    let part = &granted.what().team;
    let found = granted.read(|rows| sql::scoped_roles(rows, Some(part.team().id()), Some(id)))?.pop();
    let role = found.ok_or_else(|| Error::NotFound(id.to_string()))?;
    if part.space().is_some_and(|space| role.space != Some(space.id())) {
        return Err(Error::NotFound(id.to_string()));
    }
    if role.is_fixed {
        return Err(Error::Conflict(format!("{} is what this team exists for; it stays as it is.", role.role_name)));
    }
    Ok(role)
}

/// The role on the team is still the one that was looked at.
fn unchanged(rows: &Rows<'_>, before: &ScopedRole) -> Result<()> {
    let now = sql::scoped_roles(rows, Some(before.team), Some(before.id))?.pop();
    match now {
        Some(now) if now.role == before.role && now.permissions.is_same(&before.permissions) => Ok(()),
        Some(_) => Err(meanwhile()),
        None => Err(Error::NotFound(before.id.to_string())),
    }
}

/// Checks what was given and settles the space it holds in.
fn settle(granted: &Granted<'_, TeamEdit>, fields: &ScopedFields, before: Option<&ScopedRole>) -> Result<Settled> {
    let part = &granted.what().team;
    let visitor = granted.visitor();
    let role = fields.role.map(|role| granted.read(|rows| sql::user_role(rows, role))).transpose();
    let role = match role {
        Ok(Some(role)) => role,
        Ok(None) | Err(Error::NotFound(_)) => return Err(Error::invalid("UserRoleId", "Choose a role.")),
        Err(error) => return Err(error),
    };
    let mut wrong = Wrong::new();
    let space = settled_space(part, visitor, fields, &role, &mut wrong);
    if fields.until.is_some_and(|until| until <= clock::now()) && fields.until != before.and_then(|role| role.until) {
        wrong.add("ExpiresAt", "Choose an end in the future, or none.");
    }
    let scope = fields.scope();
    if role.permissions.space.is_empty() && !scope.is_empty() {
        wrong.add(
            "ProjectIds",
            "This role holds in the company as a whole and cannot be limited. Leave out the limits.",
        );
    } else if let Some(space) = space {
        for dimension in Dimension::ALL {
            let kept: Vec<i64> =
                before.map(|role| role.scope.of(dimension).iter().map(|one| one.id).collect()).unwrap_or_default();
            granted.read(|rows| strange(rows, dimension, space, scope.of(dimension), &kept, &mut wrong))?;
        }
    }
    wrong.finish()?;
    let settled = Settled { role: role.id, permissions: role.permissions, space, scope, until: fields.until };
    let gifts = granted.read(|rows| {
        let gifts = Gifts::new(rows, settled.gifts())?;
        // What the team has already is not given.
        before.map_or(Ok(gifts.clone()), |before| Ok(gifts.beyond(&Gifts::new(rows, before.gifts())?)))
    })?;
    visitor.ask_to_overrule(before.is_some_and(administers))?;
    visitor.ask_to_give(&gifts)?;
    Ok(settled)
}

fn administers(role: &ScopedRole) -> bool {
    role.permissions.system.iter().any(|info| info.name == "AdministerSystem")
}

/// The role that is put on the team is still what it was when it was asked whether it may be given.
fn as_settled(rows: &Rows<'_>, settled: &Settled) -> Result<()> {
    let same = sql::user_role(rows, settled.role)?.permissions.is_same(&settled.permissions);
    if same { Ok(()) } else { Err(meanwhile()) }
}

fn settled_space(
    part: &TeamPart,
    visitor: &Visitor,
    fields: &ScopedFields,
    role: &UserRole,
    wrong: &mut Wrong,
) -> Option<Id<Space>> {
    let own = (part.team().space_id() > 0).then(|| Id::new(part.team().space_id()));
    if role.permissions.space.is_empty() {
        if own.is_some() {
            wrong.add(
                "UserRoleId",
                "This role holds in the company as a whole; a team of a space cannot have it. Choose another role.",
            );
        } else if part.space().is_some() {
            wrong.add(
                "UserRoleId",
                "This role holds in the company as a whole; you may give roles in one space. Choose another role.",
            );
        }
        return None;
    }
    let only = own.or(part.space().map(At::id));
    match (fields.space, only) {
        (Some(asked), Some(only)) if asked != only => {
            wrong.add(
                "SpaceId",
                "This team gets its roles in its own space, or in the space you may give roles in. Choose that one.",
            );
            None
        }
        (_, Some(only)) => Some(only),
        (Some(asked), None) if visitor.locate_space(&asked.to_string()).is_ok() => Some(asked),
        _ => {
            wrong.add("SpaceId", "Choose the space in which this role holds.");
            None
        }
    }
}
