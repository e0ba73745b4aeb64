//! `/api/teams` and `/api/scopeduserroles`: teams, their members, and their roles with scope.

use super::{
    caller::{Ask, Reply},
    resource::{self, wire},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{self, Id, Kind},
        paging::{Listed, Page},
    },
    company::{
        access::{
            At, Granted, Level, TeamPart, Within,
            permissions::{List, TeamCreate, TeamDelete, TeamEdit, TeamMembersEdit, TeamView},
        },
        answers,
        teams::{self, Fields, Filter, ScopedFields, ScopedRole, Team},
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, team: &Team) -> Result<Value> {
    let own = format!("{}/teams/{}", resource::api(ask), team.wire_id());
    let at: At<ids::Team> = ask.visitor()?.locate(Within::Company, &team.id.to_string())?;
    let members = teams::members(&ask.visitor()?.ask(TeamView { team: at })?)?;
    let members: Vec<String> = members.iter().map(|member| member.id.to_string()).collect();
    Ok(json!({
        "Id": team.wire_id(), "Name": team.name, "Description": team.description,
        "SpaceId": team.space.map(|space| space.to_string()), "MemberUserIds": members, "ExternalSecurityGroups": [],
        "CanBeDeleted": team.is_own(), "CanBeRenamed": team.is_own(), "CanChangeRoles": true, "CanChangeMembers": team.has_members(), "EmergencyHours": team.emergency_hours,
        "Links": resource::links(&own, &[("ScopedUserRoles", "/scopeduserroles{?skip,take}")]),
    }))
}

/// Proofs for the levels that were asked for: `spaces=Spaces-1,…`, `includeSystem`, or the space of the path.
fn levels<'a>(ask: &'a Ask) -> Result<Vec<Granted<'a, List<TeamView>>>> {
    let visitor = ask.visitor()?;
    if !ask.parameter("space").is_empty() {
        let mut all = vec![visitor.ask(List::<TeamView>::of(&ask.space()?))?];
        if ask.asked_bool("includeSystem") == Some(true) && visitor.may(List::<TeamView>::system()) {
            all.push(visitor.ask(List::<TeamView>::system())?);
        }
        return Ok(all);
    }
    let mut all = visitor.ask_anywhere::<TeamView>(None)?;
    if let Some(asked) = ask.asked_ids::<ids::Space>("spaces").filter(|asked| !asked.is_empty()) {
        all.retain(|one| one.what().space() == 0 || asked.contains(&one.what().space()));
    }
    if ask.asked_bool("includeSystem") == Some(false) {
        all.retain(|one| one.what().space() != 0);
    }
    Ok(all)
}

fn filter(ask: &Ask) -> Result<Filter> {
    // Built-in teams have ids of their own; each id is looked up.
    let ids = ask.asked("ids").is_some().then(|| -> Result<Vec<i64>> {
        let mut found = Vec::new();
        for id in ask.call.asked_all("ids") {
            match ask.visitor()?.locate::<ids::Team>(Within::Company, &id) {
                Ok(at) => found.push(at.id().0),
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    });
    Ok(Filter { partial_name: ask.asked_text("partialName"), ids: ids.transpose()?, member: None })
}

fn drawn(ask: &Ask, teams: &[Team]) -> Result<Vec<Value>> {
    teams.iter().map(|team| draw(ask, team)).collect()
}

/// A page of them, of both levels.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let found = teams::list(&levels(ask)?, &filter(ask)?, ask.page())?;
    let listed = Listed { items: drawn(ask, &found.items)?, total: found.total };
    let own = match ask.parameter("space") {
        "" => format!("{}/teams", resource::api(ask)),
        _ => format!("{}/teams", resource::space_api(ask, ask.space()?.id().0)),
    };
    resource::collection(
        ask,
        &own,
        "Team",
        listed,
        ask.page(),
        "skip,take,ids,partialName,spaces,includeSystem",
        Clone::clone,
    )
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let found = teams::list(&levels(ask)?, &filter(ask)?, Page::ALL)?;
    Reply::ok(Value::Array(drawn(ask, &found.items)?))
}

/// The team of the path. Below a space: a team of that space, or one outside all spaces.
fn located(ask: &Ask) -> Result<At<ids::Team>> {
    let within = match ask.parameter("space") {
        "" => Within::Company,
        _ => Within::from(&ask.space()?),
    };
    ask.visitor()?.locate(within, ask.parameter("id"))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TeamView { team: located(ask)? })?;
    Reply::ok(draw(ask, &teams::show(&granted)?)?)
}

fn fields(ask: &Ask) -> Fields {
    Fields { name: ask.body.text("Name"), description: ask.body.text("Description") }
}

fn nobody(id: &str) -> Error {
    Error::invalid("MemberUserIds", format!("There is nobody with the id {id}. Choose somebody else."))
}

/// The members that were sent; `None` when none were told.
fn members(ask: &Ask) -> Result<Option<Vec<Id<ids::User>>>> {
    if !ask.body.has("MemberUserIds") {
        return Ok(None);
    }
    let one = |text: &String| Id::<ids::User>::parse(text).ok_or_else(|| nobody(text));
    ask.body.texts("MemberUserIds").iter().map(one).collect::<Result<Vec<_>>>().map(Some)
}

/// Makes one, in the space of the body or of the path, or outside all spaces; with its members, and as one for emergencies
/// when `EmergencyHours` are given. Members who are not there and the right to name any are looked at first, so that
/// nothing is half made.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let level = match (ask.body.some_text("SpaceId"), ask.parameter("space")) {
        (Some(space), _) => Level::Space(found(ask, "SpaceId", &space)?),
        (None, "") => Level::System,
        (None, _) => Level::Space(ask.space()?),
    };
    let members = members(ask)?.unwrap_or_default();
    let granted = visitor.ask(TeamCreate { level: level.clone() })?;
    if !members.is_empty() {
        let (team, joining) = match &level {
            Level::System => (List::<TeamEdit>::system(), List::<TeamMembersEdit>::system()),
            Level::Space(space) => (List::<TeamEdit>::of(space), List::<TeamMembersEdit>::of(space)),
        };
        if !visitor.may(joining) {
            visitor.ask(team)?;
        }
    }
    for user in &members {
        visitor.locate::<ids::User>(Within::Company, &user.to_string()).map_err(|error| match error {
            Error::NotFound(user) => nobody(&user),
            other => other,
        })?;
    }
    let made = teams::create_for(&granted, fields(ask), ask.body.number("EmergencyHours"))?;
    let at: At<ids::Team> = visitor.locate(Within::Company, &made.id.to_string())?;
    if !members.is_empty() {
        teams::add_members(&teams::Joining::ask(visitor, &at)?, &members)?;
    }
    Reply::created(draw(ask, &made)?)
}

/// Changes name, description and members.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let at = located(ask)?;
    let joining = teams::Joining::ask(visitor, &at)?;
    let present = teams::show(&visitor.ask(TeamView { team: at.clone() })?)?;
    let same = fields(ask).name == present.name && fields(ask).description == present.description;
    // Asked before anything is changed: who may change members alone changes nothing else.
    let whole = TeamEdit { team: TeamPart::Whole(at.clone()) };
    let hours =
        if ask.body.has("EmergencyHours") { ask.body.number("EmergencyHours") } else { present.emergency_hours };
    let emergency = if hours == present.emergency_hours { None } else { Some(visitor.ask(whole.clone())?) };
    let granted = if same { None } else { Some(visitor.ask(whole)?) };
    // Whoever sends the whole team back sends Everyone without members.
    let members = members(ask)?.filter(|_| present.has_members());
    let save = || {
        if let Some(members) = &members {
            teams::set_members(&joining, members)?;
        }
        if let Some(granted) = &emergency {
            teams::emergency::set_emergency(granted, hours)?;
        }
        match &granted {
            None => teams::show(&visitor.ask(TeamView { team: at.clone() })?),
            Some(granted) => teams::edit(granted, fields(ask)),
        }
    };
    super::answers::previewed(ask, save, |saved| Reply::ok(draw(ask, &saved)?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TeamDelete { team: located(ask)? })?;
    super::answers::previewed(ask, || teams::delete(&granted), |()| Reply::done())
}

fn draw_role(ask: &Ask, team: &Team, role: &ScopedRole) -> Value {
    fn ids<T: Kind>(limits: &[teams::Limited]) -> Vec<String> {
        limits.iter().map(|one| wire::<T>(one.id)).collect()
    }
    let own = format!("{}/scopeduserroles/{}", resource::api(ask), role.id);
    json!({
        "Id": role.id.to_string(), "TeamId": team.wire_id(), "UserRoleId": role.role_wire_id(),
        "SpaceId": role.space.map(|space| space.to_string()), "ProjectGroupIds": ids::<ids::ProjectGroup>(&role.scope.groups),
        "ProjectIds": ids::<ids::Project>(&role.scope.projects), "EnvironmentIds": ids::<ids::Environment>(&role.scope.environments),
        "TenantIds": ids::<ids::Tenant>(&role.scope.tenants), "RunbookIds": ids::<ids::Runbook>(&role.scope.runbooks),
        "ExpiresAt": role.until.map(Moment::wire),
        "Links": resource::links(&own, &[]),
    })
}

/// The roles of one team.
pub(super) fn roles(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TeamView { team: located(ask)? })?;
    let (team, all, page) = (teams::show(&granted)?, teams::roles_of(&granted)?, ask.page());
    let own = format!("{}/teams/{}/scopeduserroles", resource::api(ask), team.wire_id());
    let draw = |role: &ScopedRole| draw_role(ask, &team, role);
    resource::collection(ask, &own, "ScopedUserRole", Listed::from_all(page, all), page, "skip,take", draw)
}

/// The team that has the role of the path, and the role.
fn located_role(ask: &Ask) -> Result<(At<ids::Team>, ScopedRole)> {
    let visitor = ask.visitor()?;
    let missing = || Error::NotFound(ask.parameter("id").to_owned());
    let id = Id::<ids::ScopedUserRole>::parse(ask.parameter("id")).ok_or_else(missing)?;
    let granted = visitor.ask_anywhere::<TeamView>(None)?;
    let team = teams::team_of(&granted, id).map_err(|error| match error {
        Error::NotFound(_) => missing(),
        other => other,
    })?;
    let at: At<ids::Team> = visitor.locate(Within::Company, &team.to_string())?;
    let role = teams::role(&visitor.ask(TeamView { team: at.clone() })?, id)?;
    Ok((at, role))
}

fn answer_role(ask: &Ask, at: &At<ids::Team>, id: Id<ids::ScopedUserRole>) -> Result<Value> {
    let granted = ask.visitor()?.ask(TeamView { team: at.clone() })?;
    Ok(draw_role(ask, &teams::show(&granted)?, &teams::role(&granted, id)?))
}

/// One role of a team.
pub(super) fn show_role(ask: &Ask) -> Result<Reply> {
    let (at, role) = located_role(ask)?;
    Reply::ok(answer_role(ask, &at, role.id)?)
}

/// A thing named in the body.
fn found<T: crate::company::access::Locate>(ask: &Ask, field: &str, text: &str) -> Result<At<T>> {
    match ask.visitor()?.locate(Within::Company, text) {
        Err(Error::NotFound(_)) => Err(Error::invalid(field, format!("There is no {} {text}.", T::WORD))),
        other => other,
    }
}

fn role_fields(ask: &Ask) -> Result<ScopedFields> {
    fn many<T: Kind>(ask: &Ask, field: &str) -> Result<Vec<Id<T>>> {
        let one = |text: &String| {
            Id::<T>::parse(text).ok_or_else(|| {
                Error::invalid(field, format!("There is no {} {text} in this space. Choose another.", T::WORD))
            })
        };
        ask.body.texts(field).iter().map(one).collect()
    }
    let role = match ask.body.some_text("UserRoleId") {
        Some(text) => Some(found::<ids::UserRole>(ask, "UserRoleId", &text)?.id()),
        None => None,
    };
    let space = match ask.body.some_text("SpaceId") {
        Some(text) => match ask.visitor()?.locate_space(&text) {
            Err(Error::NotFound(_)) => return Err(Error::invalid("SpaceId", format!("There is no space {text}."))),
            other => Some(other?.id()),
        },
        None => None,
    };
    let until = match ask.body.some_text("ExpiresAt") {
        Some(text) => Some(Moment::parse(&text).ok_or_else(|| {
            Error::invalid("ExpiresAt", "Give a moment such as 2026-01-31T10:00:00.000+00:00, or leave it out.")
        })?),
        None => None,
    };
    Ok(ScopedFields {
        role,
        space,
        groups: many(ask, "ProjectGroupIds")?,
        projects: many(ask, "ProjectIds")?,
        environments: many(ask, "EnvironmentIds")?,
        tenants: many(ask, "TenantIds")?,
        runbooks: many(ask, "RunbookIds")?,
        until,
    })
}

fn proof<'a>(ask: &'a Ask, team: &At<ids::Team>, space: Option<Id<ids::Space>>) -> Result<Granted<'a, TeamEdit>> {
    let visitor = ask.visitor()?;
    let space = match space {
        Some(space) => visitor.locate_space(&space.to_string()).ok(),
        None => None,
    };
    teams::ask_roles(visitor, team, space.as_ref())
}

/// Puts a role on a team.
pub(super) fn add_role(ask: &Ask) -> Result<Reply> {
    let team = ask.body.text("TeamId");
    if team.trim().is_empty() {
        return Err(Error::invalid("TeamId", "Choose a team."));
    }
    let visitor = ask.visitor()?;
    let mut spaces = visitor.spaces()?.into_iter().filter_map(|row| visitor.locate_space(&row.id.to_string()).ok());
    if !spaces.any(|space| visitor.may_somewhere::<TeamEdit>(&space)) {
        visitor.ask(List::<TeamEdit>::system())?;
    }
    let at: At<ids::Team> = found(ask, "TeamId", &team)?;
    if !visitor.may(TeamView { team: at.clone() }) {
        return Err(Error::invalid("TeamId", format!("There is no team {team}.")));
    }
    let fields = role_fields(ask)?;
    let granted = proof(ask, &at, fields.space)?;
    let give = || teams::add_role(&granted, &fields);
    super::answers::previewed(ask, give, |id| Reply::created(answer_role(ask, &at, id)?))
}

/// Changes a role on a team.
pub(super) fn update_role(ask: &Ask) -> Result<Reply> {
    let (at, role) = located_role(ask)?;
    let granted = proof(ask, &at, role.space)?;
    let fields = role_fields(ask)?;
    let change = || teams::change_role(&granted, role.id, &fields);
    super::answers::previewed(ask, change, |()| Reply::ok(answer_role(ask, &at, role.id)?))
}

/// Takes a role off a team.
pub(super) fn remove_role(ask: &Ask) -> Result<Reply> {
    let (at, role) = located_role(ask)?;
    let granted = proof(ask, &at, role.space)?;
    super::answers::previewed(ask, || teams::remove_role(&granted, role.id), |()| Reply::done())
}

/// The teams of a user, as the wire's list of memberships.
pub(super) fn membership(ask: &Ask) -> Result<Reply> {
    let user = ask.asked_text("userId");
    let visitor = ask.visitor()?;
    let mine = visitor.user().is_some_and(|me| user.trim().is_empty() || Id::parse(&user) == Some(me));
    let (who, found) = if mine {
        let granted = visitor.myself()?;
        let wanted = super::answers::wanted(ask)?;
        let mut own = teams::own_teams(&granted)?;
        own.retain(|team| wanted.has(team.space.map(|space| space.0)));
        (granted.what().user().to_string(), own)
    } else {
        visitor.ask(crate::company::access::permissions::UserView {})?;
        let at: At<ids::User> = visitor.locate(Within::Company, &user)?;
        let granted = visitor.ask(crate::company::access::permissions::UserView {})?;
        (at.id().to_string(), answers::teams_of(&granted, &at, &super::answers::wanted(ask)?)?.0)
    };
    let drawn = found.iter().map(|team| {
        json!({
            "UserId": who, "TeamId": team.wire_id(), "TeamName": team.name, "IsDirectlyAssigned": team.has_members(), "ExternalGroupNames": [],
            "SpaceId": team.space.map(|space| space.to_string()),
        })
    });
    Reply::ok(Value::Array(drawn.collect()))
}
