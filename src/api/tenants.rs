//! `/api/{space}/tenants`.

use super::{
    caller::{Ask, Reply},
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At, New,
            permissions::{List, TenantCreate, TenantDelete, TenantEdit, TenantView},
        },
        tenants::{self, Fields, Filter, Tenant, selfservice},
    },
};
use serde_json::{Map, Value, json};

fn draw(ask: &Ask, tenant: &Tenant) -> Value {
    let api = resource::space_api(ask, tenant.space.0);
    let own = format!("{api}/tenants/{}", tenant.id);
    // Always an object: the Go client writes into it (`rest-api §5`).
    let connections: Map<String, Value> = tenant
        .connections
        .iter()
        .map(|one| (one.project.to_string(), one.environments.iter().map(Id::to_string).collect()))
        .collect();
    let mut links = resource::links(
        &own,
        &[
            ("Variables", "/variables"),
            ("CommonVariables", "/commonvariables"),
            ("ProjectVariables", "/projectvariables"),
        ],
    );
    let company = api.split('/').nth(1).unwrap_or_default();
    let space = wire::<ids::Space>(tenant.space.0);
    links["Web"] = json!(format!("/{company}/app#/{space}/tenants/{}/overview", tenant.id));
    json!({
        "Id": tenant.id.to_string(), "SpaceId": space, "Name": tenant.name, "Slug": tenant.slug,
        "Description": tenant.description, "TenantTags": tenant.tags, "ProjectEnvironments": connections,
        "ClonedFromTenantId": tenant.cloned_from.map(|id| id.to_string()), "IsDisabled": tenant.is_disabled, "Icon": null,
        "Links": links,
    })
}

fn located(ask: &Ask) -> Result<At<ids::Tenant>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn fields(ask: &Ask) -> Fields {
    Fields {
        name: ask.body.text("Name"),
        description: ask.body.text("Description"),
        is_disabled: ask.body.bool("IsDisabled"),
        tags: ask.body.texts("TenantTags"),
    }
}

/// What is sent of `ProjectEnvironments`. Absent is empty: the Go client leaves out what is empty.
fn wished(ask: &Ask) -> Vec<(String, Vec<String>)> {
    let texts = |value: &Value| {
        let list = value.as_array().into_iter().flatten();
        list.filter_map(|id| id.as_str().map(str::to_owned)).collect()
    };
    ask.body.map("ProjectEnvironments").iter().map(|(project, list)| (project.clone(), texts(list))).collect()
}

fn filter(ask: &Ask) -> Result<Filter> {
    let visitor = ask.visitor()?;
    // A project or tenant that is not there has no tenants.
    let number = |found: Result<i64>| found.unwrap_or(0);
    let space = ask.space()?;
    let project = ask.asked("projectId").filter(|text| !text.is_empty());
    let source = ask.asked("clonedFromTenantId").filter(|text| !text.is_empty());
    Ok(Filter {
        partial_name: ask.asked("partialName").or(ask.asked("name")).unwrap_or_default().to_owned(),
        project: project.map(|text| Id::new(number(visitor.locate::<ids::Project>(&space, text).map(|at| at.id().0)))),
        tags: ask.call.asked_all("tags"),
        ids: ask.asked_ids::<ids::Tenant>("ids"),
        is_disabled: ask.asked_bool("isDisabled"),
        cloned_from: source
            .map(|text| Id::new(number(visitor.locate::<ids::Tenant>(&space, text).map(|at| at.id().0)))),
    })
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&space))?;
    let listed = tenants::list(&granted, &filter(ask)?, ask.page())?;
    let own = format!("{}/tenants", resource::space_api(ask, space.id().0));
    let template = "skip,take,ids,partialName,projectId,tags,isDisabled,clonedFromTenantId";
    resource::collection(ask, &own, "Tenant", listed, ask.page(), template, |tenant| draw(ask, tenant))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    resource::bare(&tenants::list(&granted, &filter(ask)?, Page::ALL)?.items, |tenant| draw(ask, tenant))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TenantView { tenant: located(ask)? })?;
    Reply::ok(draw(ask, &tenants::show(&granted)?))
}

/// Makes one; with `?clone=` as a copy of another.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let granted = visitor.ask(TenantCreate { space: New::of(&space) })?;
    let made = match ask.asked("clone").filter(|text| !text.is_empty()) {
        Some(source) => {
            let source = visitor.ask(TenantView { tenant: visitor.locate(&space, source)? })?;
            tenants::clone(&granted, &source, fields(ask))?
        }
        None => tenants::create(&granted, fields(ask), &tenants::connections(visitor, &space, &wished(ask))?)?,
    };
    Reply::created(draw(ask, &made))
}

/// Changes one.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let granted = visitor.ask(TenantEdit { tenant: located(ask)? })?;
    let connections = tenants::connections(visitor, &space, &wished(ask))?;
    Reply::ok(draw(ask, &tenants::edit(&granted, fields(ask), Some(&connections))?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    tenants::delete(&ask.visitor()?.ask(TenantDelete { tenant: located(ask)? })?)?;
    Reply::done()
}

/// Which tenants some tags choose.
pub(super) fn test_tags(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    let tenants = ask.asked_ids::<ids::Tenant>("tenantIds").unwrap_or_default();
    let tests = tenants::test_tags(&granted, &tenants, &ask.call.asked_all("tags"))?;
    let answers: Map<String, Value> = tests
        .iter()
        .map(|test| {
            let reason =
                if test.is_matched { "The tags match." } else { "The tenant has none of the tags of some set." };
            let answer = json!({ "IsMatched": test.is_matched, "Reason": reason, "MissingTags": test.missing });
            (test.tenant.to_string(), answer)
        })
        .collect();
    Reply::ok(Value::Object(answers))
}

/// Whether there are tenants at all.
pub(super) fn status(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    let total = tenants::list(&granted, &Filter::default(), Page { skip: 0, take: 1 })?.total;
    Reply::ok(json!({ "HasTenants": total > 0, "TenantCount": total }))
}

/// A tenant's variables in the older form. There are no variable templates yet, so it has none.
pub(super) fn variables(ask: &Ask) -> Result<Reply> {
    let tenant = tenants::show(&ask.visitor()?.ask(TenantView { tenant: located(ask)? })?)?;
    Reply::ok(no_variables(ask, &tenant))
}

fn no_variables(ask: &Ask, tenant: &Tenant) -> Value {
    let own = format!("{}/tenants/{}/variables", resource::space_api(ask, tenant.space.0), tenant.id);
    json!({
        "Id": format!("variables-{}", tenant.id), "TenantId": tenant.id.to_string(), "TenantName": tenant.name,
        "SpaceId": wire::<ids::Space>(tenant.space.0), "ProjectVariables": {}, "LibraryVariables": {}, "Variables": [],
        "MissingVariables": [], "ConcurrencyToken": "", "Links": resource::links(&own, &[]),
    })
}

/// Sets a tenant's variables: only none can be set until there are templates.
pub(super) fn set_variables(ask: &Ask) -> Result<Reply> {
    let (visitor, at) = (ask.visitor()?, located(ask)?);
    visitor.ask(TenantEdit { tenant: at.clone() })?;
    let sent = !ask.body.objects("Variables").is_empty()
        || !ask.body.map("ProjectVariables").is_empty()
        || !ask.body.map("LibraryVariables").is_empty()
        || ask.list_body().is_some_and(|list| !list.is_empty());
    if sent {
        return Err(Error::invalid(
            "Variables",
            "No project or library set asks tenants for variables, so none can be set.",
        ));
    }
    let tenant = tenants::show(&visitor.ask(TenantView { tenant: at })?)?;
    Reply::ok(no_variables(ask, &tenant))
}

/// Variables that tenants lack: none, since nothing asks for any.
pub(super) fn missing_variables(ask: &Ask) -> Result<Reply> {
    ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    Reply::ok(json!([]))
}

/// The tenant's own people, and what their role lets them do; names as far as one may see them.
pub(super) fn self_service(ask: &Ask) -> Result<Reply> {
    let at = located(ask)?;
    let present = selfservice::present(&ask.visitor()?.ask(TenantView { tenant: at.clone() })?)?;
    let members = present.members.iter().filter(|member| member.name.is_some()).map(|member| {
        json!({ "UserId": member.id.to_string(), "DisplayName": member.name, "Username": member.username, "IsActive": member.is_active })
    });
    Reply::ok(json!({
        "TenantId": at.id().to_string(), "TeamId": present.team.as_ref().map(|(id, _)| id.to_string()),
        "TeamName": present.team.map(|(_, name)| name), "UserRoleId": present.role,
        "SpacePermissions": present.rights.iter().map(|info| info.name).collect::<Vec<_>>(),
        "MemberCount": present.members.len(), "Members": members.collect::<Vec<_>>(),
    }))
}

/// Gives people access to this tenant alone: the team, its role and the invitations in one step. `EmailAddresses`: a list,
/// each perhaps as `Jo Doe <jo@contoso.example>`.
pub(super) fn give_access(ask: &Ask) -> Result<Reply> {
    let at = located(ask)?;
    let permit = selfservice::ask(ask.visitor()?, &ask.space()?, &at)?;
    let wanted = ask.body.texts("EmailAddresses");
    super::answers::previewed(ask, || selfservice::give(&permit, &wanted), |given| drawn_access(ask, &at, &given))
}

fn drawn_access(ask: &Ask, at: &At<ids::Tenant>, given: &selfservice::Given) -> Result<Reply> {
    let company = ask.company()?.slug().to_owned();
    let invited = given.invited.iter().map(|one| {
        json!({
            "UserId": one.user.id.to_string(), "EmailAddress": one.user.email_address, "InvitationCode": one.token,
            "Expires": one.until.wire(), "Links": { "Web": format!("/{company}/invitation/{}", one.token) },
        })
    });
    let joined = given.joined.iter().map(|(user, name)| json!({ "UserId": user.to_string(), "DisplayName": name }));
    let drawn = json!({
        "TenantId": at.id().to_string(), "TeamId": given.team.to_string(), "TeamName": given.name,
        "Invitations": invited.collect::<Vec<_>>(), "Joined": joined.collect::<Vec<_>>(),
    });
    if given.is_new { Reply::created(drawn) } else { Reply::ok(drawn) }
}
