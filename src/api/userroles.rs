//! `/api/userroles` and `/api/permissions`: what there is to be allowed, and the bags it comes in.

use super::{
    answers::{self as access, AccessPreviewQuery, Previewed},
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, Query, Sent},
};
use crate::{
    base::{clock::Moment, error::Result, ids, names, paging::Listed},
    company::{
        access::{
            At, Within,
            permissions::{Info, UserRoleEdit, UserRoleView, honoured, in_roles},
            policy::Dimension,
        },
        teams::{self, RoleFields, UserRole},
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A user role on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct UserRoleResource {
    #[schema(read_only)]
    id: String,
    name: String,
    description: String,
    /// What it allows in the company as a whole, by name.
    granted_system_permissions: Vec<String>,
    /// What it allows in the space that it is held in, by name.
    granted_space_permissions: Vec<String>,
    system_permission_descriptions: resource::Told,
    space_permission_descriptions: resource::Told,
    supported_restrictions: resource::Told,
    /// Permissions of a later version that nobody has looked through for this role, and that it does not hold.
    new_permissions: resource::Told,
    /// Of a built-in one: whether it is as it came.
    #[schema(read_only)]
    is_default: Option<bool>,
    #[schema(read_only)]
    can_be_deleted: bool,
    #[schema(read_only)]
    links: Links,
}

/// Which user roles.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UserRoleQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
}

/// The name of a copy.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RoleCopy {
    name: String,
}

/// Where a role is held.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleUses {
    places: Vec<RoleUse>,
    /// So many more, on teams and in spaces that whoever asks may not see.
    hidden_places: usize,
    /// How many have it through these teams.
    people: i64,
    includes_everyone: bool,
}

/// A team that holds a role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleUse {
    team_id: String,
    team_name: String,
    scoped_user_role_id: String,
    space_id: Option<String>,
    /// Where it holds, in words.
    r#where: String,
    expires_at: Option<String>,
}

/// A permission that there is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PermissionResource {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    supported_restrictions: Vec<&'static str>,
    can_apply_at_system_level: bool,
    can_apply_at_space_level: bool,
    explicit_tenant: bool,
}

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

fn draw(ask: &Ask, role: &UserRole) -> UserRoleResource {
    let names = |infos: &[&'static Info]| infos.iter().map(|info| info.name).collect::<Vec<_>>();
    let granted = |infos: &[&'static Info]| infos.iter().map(|info| info.name.to_owned()).collect();
    let meanings = |infos: &[&'static Info]| infos.iter().map(|info| info.meaning).collect::<Vec<_>>();
    let own = format!("{}/userroles/{}", resource::api(ask), role.wire_id());
    UserRoleResource {
        id: role.wire_id(),
        name: role.name.clone(),
        description: role.description.clone(),
        granted_system_permissions: granted(&role.permissions.system),
        granted_space_permissions: granted(&role.permissions.space),
        system_permission_descriptions: meanings(&role.permissions.system).into(),
        space_permission_descriptions: meanings(&role.permissions.space).into(),
        supported_restrictions: restrictions(role.permissions.dimensions().iter()).into(),
        new_permissions: names(&role.offered).into(),
        is_default: role.builtin.as_ref().map(|_| !role.differs_from_default()),
        can_be_deleted: role.builtin.is_none(),
        links: Links::of(&own, &[("Uses", "/uses")]),
    }
}

fn found(ask: &Ask, query: &UserRoleQuery) -> Result<Vec<UserRole>> {
    let part = names::key(&query.partial_name);
    let mut roles = teams::list_roles(&ask.visitor()?.ask(UserRoleView {})?)?;
    roles.retain(|role| {
        let asked = |ids: &Vec<String>| {
            ids.iter()
                .any(|id| id.eq_ignore_ascii_case(&role.wire_id()) || id.eq_ignore_ascii_case(&role.id.to_string()))
        };
        names::key(&role.name).contains(&part) && query.ids.as_ref().is_none_or(asked)
    });
    Ok(roles)
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<UserRoleQuery>) -> Result<Collection<UserRoleResource>> {
    let (page, roles) = (ask.page(), found(ask, &query)?);
    let own = format!("{}/userroles", resource::api(ask));
    let listed = Listed::from_all(page, roles);
    Ok(wire::collection(ask, &query, &own, "UserRole", listed, page, |role| draw(ask, role)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<UserRoleQuery>) -> Result<All<UserRoleResource>> {
    Ok(All(found(ask, &query)?.iter().map(|role| draw(ask, role)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<UserRoleResource>> {
    let granted = ask.visitor()?.ask(UserRoleView {})?;
    Ok(Json(draw(ask, &teams::show_role(&granted, &located(ask)?)?)))
}

fn located(ask: &Ask) -> Result<At<ids::UserRole>> {
    ask.visitor()?.locate(Within::Company, ask.parameter("id"))
}

impl UserRoleResource {
    fn fields(self) -> RoleFields {
        RoleFields {
            name: self.name,
            description: self.description,
            system: self.granted_system_permissions,
            space: self.granted_space_permissions,
        }
    }
}

/// Makes one.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<UserRoleResource>) -> Result<Created<UserRoleResource>> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    Ok(Created(draw(ask, &teams::create_role(&granted, &sent.fields())?)))
}

/// Changes one, for all teams that hold it.
pub(super) fn update(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<UserRoleResource>,
) -> Result<Previewed<Json<UserRoleResource>>> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    let (at, fields) = (located(ask)?, sent.fields());
    let save = || teams::edit_role(&granted, &at, &fields);
    access::change(ask, &query, save, |saved| Ok(Json(draw(ask, &saved))))
}

/// Deletes one that no team holds.
pub(super) fn delete(ask: &Ask, query: Query<AccessPreviewQuery>) -> Result<Previewed<Done>> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    let at = located(ask)?;
    access::change(ask, &query, || teams::delete_role(&granted, &at), |()| Ok(Done))
}

/// Makes one that holds what another holds.
pub(super) fn copy(ask: &Ask, Sent(sent): Sent<RoleCopy>) -> Result<Created<UserRoleResource>> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    Ok(Created(draw(ask, &teams::clone_role(&granted, &located(ask)?, &sent.name)?)))
}

/// Puts a built-in one back to its default.
pub(super) fn reset(ask: &Ask, query: Query<AccessPreviewQuery>) -> Result<Previewed<Json<UserRoleResource>>> {
    let granted = ask.visitor()?.ask(UserRoleEdit {})?;
    let at = located(ask)?;
    access::change(ask, &query, || teams::reset_role(&granted, &at), |role| Ok(Json(draw(ask, &role))))
}

/// Where one is held.
pub(super) fn uses(ask: &Ask) -> Result<Json<RoleUses>> {
    let granted = ask.visitor()?.ask(UserRoleView {})?;
    let used = teams::uses_of(&granted, &located(ask)?)?;
    let places = used.places.iter().map(|(team, role)| RoleUse {
        team_id: team.wire_id(),
        team_name: team.name.clone(),
        scoped_user_role_id: role.id.to_string(),
        space_id: role.space.map(|space| space.to_string()),
        r#where: teams::summary(role).place,
        expires_at: role.until.map(Moment::wire),
    });
    Ok(Json(RoleUses {
        places: places.collect(),
        hidden_places: used.hidden,
        people: used.people,
        includes_everyone: used.everyone,
    }))
}

fn describe(info: &Info) -> PermissionResource {
    let dimensions: Vec<Dimension> = honoured(info).collect();
    PermissionResource {
        id: info.name,
        name: info.name,
        description: info.meaning,
        supported_restrictions: restrictions(dimensions.iter()),
        can_apply_at_system_level: info.at_system(),
        can_apply_at_space_level: info.in_space(),
        explicit_tenant: info.explicit,
    }
}

fn those_here(ask: &Ask) -> Result<impl Iterator<Item = &'static Info>> {
    Ok(in_roles(ask.visitor()?.company().is_operators()))
}

/// Every permission there is.
pub(super) fn permissions(ask: &Ask) -> Result<All<PermissionResource>> {
    Ok(All(those_here(ask)?.map(describe).collect()))
}

/// Every permission there is, by name. It is the same for everybody one may see.
pub(super) fn configuration(ask: &Ask) -> Result<Json<BTreeMap<String, PermissionResource>>> {
    super::users::seen(ask)?;
    Ok(Json(those_here(ask)?.map(|info| (info.name.to_owned(), describe(info))).collect()))
}
