//! `/api/users`: people, service accounts, their keys and teams.

pub(super) mod accounts;
pub(super) mod invitations;
pub(super) mod keys;

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::{
    base::{
        clock::Moment,
        error::Result,
        ids::{self, Id, Kind},
        paging::Page,
        secret::Secret,
    },
    company::{
        access::{
            At, Within,
            permissions::{Info, TeamView, UserEdit, UserRoleView, UserView},
        },
        people::{self, Fields, Filter, State, User, own},
        teams::{self, ScopedRole},
    },
};
use serde_json::{Map, Value, json};

fn draw(ask: &Ask, user: &User) -> Value {
    let own = format!("{}/users/{}", resource::api(ask), user.id);
    let me = ask.somebody().and_then(|visitor| visitor.user()) == Some(user.id);
    json!({
        "Id": user.id.to_string(), "Username": user.username, "DisplayName": user.display_name,
        "IsActive": user.state == State::Active, "IsService": user.is_service, "EmailAddress": user.email_address,
        "State": user.state, "HasSecondFactor": user.has_second_factor, "Identities": [], "CanPasswordBeEdited": !user.is_service,
        "IsRequestor": me, "LastSeen": user.last_seen_at.map(Moment::wire), "Created": user.created_at.wire(),
        "Links": resource::links(&own, &[
            ("ApiKeys", "/apikeys{/id}{?skip,take}"), ("Permissions", "/permissions"),
            ("PermissionsConfiguration", "/permissions/configuration"), ("Spaces", "/spaces"),
            ("Teams", "/teams{?spaces,includeSystem}"),
        ]),
    })
}

fn is_me(ask: &Ask, text: &str) -> Result<bool> {
    let user = ask.visitor()?.user();
    Ok(user.is_some() && (text.eq_ignore_ascii_case("me") || Id::<ids::User>::parse(text) == user))
}

/// The user of the path, when it is not oneself.
fn other(ask: &Ask) -> Result<At<ids::User>> {
    ask.visitor()?.locate(Within::Company, ask.parameter("id"))
}

fn filter(ask: &Ask) -> Filter {
    let text = ["filter", "partialName", "name"].iter().find_map(|name| ask.asked(name)).unwrap_or_default();
    Filter { text: text.to_owned(), ids: ask.asked_ids::<ids::User>("ids"), ..Filter::default() }
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let own = format!("{}/users", resource::api(ask));
    let listed = people::list(&granted, &filter(ask), ask.page())?;
    resource::collection(&own, "User", listed, ask.page(), "skip,take,ids,filter", |user| draw(ask, user))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserView {})?;
    resource::bare(&people::list(&granted, &filter(ask), Page::ALL)?.items, |user| draw(ask, user))
}

/// Oneself.
pub(super) fn me(ask: &Ask) -> Result<Reply> {
    Reply::ok(draw(ask, &own::profile(&ask.visitor()?.myself()?)?))
}

/// Oneself, as somebody who has just signed in.
pub(super) fn draw_of(ask: &Ask, visitor: &crate::company::access::Visitor) -> Result<Value> {
    Ok(draw(ask, &own::profile(&visitor.myself()?)?))
}

/// One. Oneself needs no permission.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    if is_me(ask, ask.parameter("id"))? {
        return me(ask);
    }
    let granted = ask.visitor()?.ask(UserView {})?;
    Reply::ok(draw(ask, &people::show(&granted, &other(ask)?)?))
}

/// That the user of the path is oneself, or somebody whom one may see.
pub(super) fn seen(ask: &Ask) -> Result<()> {
    if !is_me(ask, ask.parameter("id"))? {
        people::show(&ask.visitor()?.ask(UserView {})?, &other(ask)?)?;
    }
    Ok(())
}

fn fields(ask: &Ask) -> Fields {
    Fields {
        username: ask.body.text("Username"),
        display_name: ask.body.text("DisplayName"),
        email_address: ask.body.text("EmailAddress"),
    }
}

/// Makes a person with a password, or a service account.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    let made = if ask.body.bool("IsService") {
        people::create_service_account(&granted, &fields(ask))?
    } else {
        people::create(&granted, &fields(ask), &Secret::new(ask.body.text("Password")))?
    };
    Reply::created(draw(ask, &made))
}

/// Changes names and address; `IsActive` shuts out and lets in again.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let (granted, user) = (visitor.ask(UserEdit {})?, located(ask)?);
    let before = people::show(&visitor.ask(UserView {})?, &user)?;
    let mut saved = people::edit(&granted, &user, &fields(ask))?;
    if ask.body.has("IsActive") {
        let active = ask.body.bool("IsActive");
        if !active && before.state == State::Active {
            saved = people::deactivate(&granted, &user)?;
        } else if active && before.state == State::Inactive {
            saved = people::reactivate(&granted, &user)?;
        }
    }
    Reply::ok(draw(ask, &saved))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    people::delete(&granted, &located(ask)?)?;
    Reply::done()
}

/// The user of the path, oneself by `me` too.
fn located(ask: &Ask) -> Result<At<ids::User>> {
    match ask.visitor()?.user() {
        Some(me) if is_me(ask, ask.parameter("id"))? => ask.visitor()?.locate(Within::Company, &me.to_string()),
        _ => other(ask),
    }
}

/// The teams of a user that the caller may see; of one's own, all.
pub(super) fn teams(ask: &Ask) -> Result<Reply> {
    let found = teams_of(ask)?.0;
    let own = format!("{}/teams", resource::api(ask));
    let drawn: Vec<Value> = found.iter().map(|team| named(team, &own)).collect();
    Reply::ok(Value::Array(drawn))
}

fn named(team: &teams::Team, own: &str) -> Value {
    json!({
        "Id": team.wire_id(), "Name": team.name, "SpaceId": team.space.map(|space| space.to_string()),
        "IsDirectlyAssigned": true, "ExternalGroupNames": [], "Links": { "Self": format!("{own}/{}", team.wire_id()) },
    })
}

/// Teams of a user, and whether that is all of them.
fn teams_of(ask: &Ask) -> Result<(Vec<teams::Team>, bool)> {
    let visitor = ask.visitor()?;
    if is_me(ask, ask.parameter("id"))? {
        return Ok((teams::own_teams(&visitor.myself()?)?, true));
    }
    visitor.ask(UserView {})?;
    let user = other(ask)?;
    let granted = visitor.ask_anywhere::<TeamView>(None)?;
    let filter = teams::Filter { member: Some(user.id()), ..teams::Filter::default() };
    let levels = 1 + visitor.spaces()?.len();
    Ok((teams::list(&granted, &filter, Page::ALL)?.items, granted.len() >= levels))
}

/// The spaces one may enter oneself; of others those that the caller may enter too.
pub(super) fn spaces(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let mut spaces = visitor.spaces()?;
    if !is_me(ask, ask.parameter("id"))? {
        visitor.ask(UserView {})?;
        let roles = teams::roles_of_user(&visitor.ask(UserRoleView {})?, &other(ask)?)?;
        spaces.retain(|space| roles.iter().any(|role| role.space == Some(space.id) && !role.has_ended()));
    }
    let drawn = spaces.iter().map(|space| {
        json!({ "Id": space.id.to_string(), "Name": space.name, "Slug": space.slug, "IsDefault": space.is_default })
    });
    Reply::ok(Value::Array(drawn.collect()))
}

/// What a user may do, grant by grant, as the wire tells it (`access-rules §8`): a first version, enough for clients.
pub(super) fn permissions(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let mine = is_me(ask, ask.parameter("id"))?;
    let (roles, user) = if mine {
        let granted = visitor.myself()?;
        (teams::own_roles(&granted)?, granted.what().user())
    } else {
        visitor.ask(UserView {})?;
        let user = other(ask)?;
        (teams::roles_of_user(&visitor.ask(UserRoleView {})?, &user)?, user.id())
    };
    let (found, complete) = teams_of(ask)?;
    let spaces: Vec<_> = visitor.spaces()?.into_iter().map(|space| space.id).collect();
    let asked: Option<Vec<i64>> = match ask.parameter("space") {
        "" => ask.asked_ids::<ids::Space>("spaces"),
        _ => Some(vec![ask.space()?.id().0]),
    };
    let mut system: Vec<&str> = Vec::new();
    let mut in_space: Map<String, Value> = Map::new();
    let mut hidden = false;
    for role in roles.iter().filter(|role| !role.has_ended()) {
        // Of oneself what one may just now: a narrowed key does not tell what its owner may beyond it.
        let told = |info: &&&Info, space| !mine || visitor.holds(info, space);
        system.extend(role.permissions.system.iter().filter(|info| told(info, None)).map(|info| info.name));
        let Some(space) = role.space else { continue };
        if asked.as_ref().is_some_and(|asked| !asked.contains(&space.0)) {
            continue;
        }
        if !mine && !spaces.contains(&space) {
            hidden = true;
            continue;
        }
        for info in role.permissions.space.iter().filter(|info| told(info, Some(space))) {
            let entry = in_space.entry(info.name.to_owned()).or_insert_with(|| json!([]));
            if let Value::Array(list) = entry {
                list.push(restriction(role, space, info));
            }
        }
    }
    system.sort_unstable();
    system.dedup();
    let own = format!("{}/users/{user}/permissions", resource::api(ask));
    let teams_own = format!("{}/teams", resource::api(ask));
    let drawn: Vec<Value> = found.iter().map(|team| named(team, &teams_own)).collect();
    Reply::ok(json!({
        "Id": user.to_string(), "SystemPermissions": system, "SpacePermissions": in_space, "Teams": drawn,
        "IsPermissionsComplete": !hidden, "IsNarrowedByKey": mine && visitor.is_narrowed(), "IsTeamsComplete": complete, "Links": { "Self": own },
    }))
}

fn restriction(role: &ScopedRole, space: Id<ids::Space>, info: &Info) -> Value {
    fn told<T: Kind>(honoured: bool, limits: &[teams::Limited], word: &str) -> Value {
        match (honoured, limits) {
            (false, _) => json!([format!("{word}-unrelated")]),
            (true, []) => json!([format!("{word}-all")]),
            (true, some) => some.iter().map(|one| json!(Id::<T>::new(one.id).to_string())).collect(),
        }
    }
    let scope = &role.scope;
    // Groups and projects are one dimension: a limit to groups alone does not leave all projects open.
    let only_groups = info.projects && scope.projects.is_empty() && !scope.groups.is_empty();
    json!({
        "SpaceId": space.to_string(),
        "RestrictedToProjectIds": if only_groups { json!([]) } else { told::<ids::Project>(info.projects, &scope.projects, "projects") },
        "RestrictedToProjectGroupIds": told::<ids::ProjectGroup>(info.groups || info.projects, &scope.groups, "projectgroups"),
        "RestrictedToEnvironmentIds": told::<ids::Environment>(info.environments, &scope.environments, "environments"),
        "RestrictedToTenantIds": told::<ids::Tenant>(info.tenants, &scope.tenants, "tenants"),
        "RestrictedToRunbookIds": told::<ids::Runbook>(info.runbooks, &scope.runbooks, "runbooks"),
    })
}
