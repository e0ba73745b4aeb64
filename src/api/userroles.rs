//! `/api/userroles` and `/api/permissions`: what there is to be allowed, and the bags it comes in.

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::{
    base::{error::Result, names, paging::Listed},
    company::{
        access::{
            At, Within,
            permissions::{Info, UserRoleEdit, UserRoleView, honoured, in_roles},
            policy::Dimension,
        },
        teams::{self, RoleFields, UserRole},
    },
};
use serde_json::{Map, Value, json};

fn restrictions<'a>(dimensions: impl Iterator<Item = &'a Dimension>) -> Vec<&'static str> {
    let words = dimensions.map(|dimension| match dimension {
        Dimension::Group => "ProjectGroups",
        Dimension::Project => "Projects",
        Dimension::Environment => "Environments",
        Dimension::Tenant => "Tenants",
        Dimension::Runbook => "Runbooks",
    });
    words.collect()
}

fn draw(ask: &Ask, role: &UserRole) -> Value {
    let names = |infos: &[&'static Info]| infos.iter().map(|info| info.name).collect::<Vec<_>>();
    let meanings = |infos: &[&'static Info]| infos.iter().map(|info| info.meaning).collect::<Vec<_>>();
    let own = format!("{}/userroles/{}", resource::api(ask), role.wire_id());
    json!({
        "Id": role.wire_id(), "Name": role.name, "Description": role.description,
        "GrantedSystemPermissions": names(&role.permissions.system), "GrantedSpacePermissions": names(&role.permissions.space),
        "SystemPermissionDescriptions": meanings(&role.permissions.system), "SpacePermissionDescriptions": meanings(&role.permissions.space),
        "SupportedRestrictions": restrictions(role.permissions.dimensions().iter()),
        "NewPermissions": names(&role.offered), "IsDefault": role.builtin.as_ref().map(|_| !role.differs_from_default()),
        "CanBeDeleted": role.builtin.is_none(), "Links": resource::links(&own, &[("Uses", "/uses")]),
    })
}

fn found(ask: &Ask) -> Result<Vec<UserRole>> {
    let part = names::key(&ask.asked_text("partialName"));
    let ids = ask.asked("ids").map(|_| ask.call.asked_all("ids"));
    let mut roles = teams::list_roles(&ask.visitor()?.ask(UserRoleView {})?)?;
    roles.retain(|role| {
        let asked = |ids: &Vec<String>| {
            ids.iter()
                .any(|id| id.eq_ignore_ascii_case(&role.wire_id()) || id.eq_ignore_ascii_case(&role.id.to_string()))
        };
        names::key(&role.name).contains(&part) && ids.as_ref().is_none_or(asked)
    });
    Ok(roles)
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let (page, roles) = (ask.page(), found(ask)?);
    let own = format!("{}/userroles", resource::api(ask));
    resource::collection(
        ask,
        &own,
        "UserRole",
        Listed::from_all(page, roles),
        page,
        "skip,take,ids,partialName",
        |role| draw(ask, role),
    )
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    resource::bare(&found(ask)?, |role| draw(ask, role))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserRoleView {})?;
    let role: At<crate::base::ids::UserRole> = ask.visitor()?.locate(Within::Company, ask.parameter("id"))?;
    Reply::ok(draw(ask, &teams::show_role(&granted, &role)?))
}

fn located(ask: &Ask) -> Result<At<crate::base::ids::UserRole>> {
    ask.visitor()?.locate(Within::Company, ask.parameter("id"))
}

fn fields(ask: &Ask) -> RoleFields {
    RoleFields {
        name: ask.body.text("Name"),
        description: ask.body.text("Description"),
        system: ask.body.texts("GrantedSystemPermissions"),
        space: ask.body.texts("GrantedSpacePermissions"),
    }
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    Reply::created(draw(ask, &teams::create_role(&granted, &fields(ask))?))
}

/// Changes one, for all teams that hold it.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    let at = located(ask)?;
    let save = || teams::edit_role(&granted, &at, &fields(ask));
    super::answers::previewed(ask, save, |saved| Reply::ok(draw(ask, &saved)))
}

/// Deletes one that no team holds.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    let at = located(ask)?;
    super::answers::previewed(ask, || teams::delete_role(&granted, &at), |()| Reply::done())
}

/// Makes one that holds what another holds: `Name`.
pub(super) fn copy(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    Reply::created(draw(ask, &teams::clone_role(&granted, &located(ask)?, &ask.body.text("Name"))?))
}

/// Puts a built-in one back to its default.
pub(super) fn reset(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    let at = located(ask)?;
    super::answers::previewed(ask, || teams::reset_role(&granted, &at), |role| Reply::ok(draw(ask, &role)))
}

/// Where one is held.
pub(super) fn uses(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserRoleView {})?;
    let used = teams::uses_of(&granted, &located(ask)?)?;
    let places = used.places.iter().map(|(team, role)| {
        json!({
            "TeamId": team.wire_id(), "TeamName": team.name, "ScopedUserRoleId": role.id.to_string(),
            "SpaceId": role.space.map(|space| space.to_string()), "Where": teams::summary(role).place,
            "ExpiresAt": role.until.map(crate::base::clock::Moment::wire),
        })
    });
    Reply::ok(json!({
        "Places": places.collect::<Vec<_>>(), "HiddenPlaces": used.hidden, "People": used.people,
        "IncludesEveryone": used.everyone,
    }))
}

fn describe(info: &Info) -> Value {
    let dimensions: Vec<Dimension> = honoured(info).collect();
    json!({
        "Id": info.name, "Name": info.name, "Description": info.meaning, "SupportedRestrictions": restrictions(dimensions.iter()),
        "CanApplyAtSystemLevel": info.at_system(), "CanApplyAtSpaceLevel": info.in_space(), "ExplicitTenant": info.explicit,
    })
}

fn those_here(ask: &Ask) -> Result<impl Iterator<Item = &'static Info>> {
    Ok(in_roles(ask.visitor()?.company().is_operators()))
}

/// Every permission there is.
pub(super) fn permissions(ask: &Ask) -> Result<Reply> {
    Reply::ok(those_here(ask)?.map(describe).collect())
}

/// Every permission there is, by name. It is the same for everybody one may see.
pub(super) fn configuration(ask: &Ask) -> Result<Reply> {
    super::users::seen(ask)?;
    let all: Map<String, Value> = those_here(ask)?.map(|info| (info.name.to_owned(), describe(info))).collect();
    Reply::ok(Value::Object(all))
}
