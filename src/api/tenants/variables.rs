//! What projects and library sets ask tenants for: nothing, since there are no variable templates yet.

use super::located;
use crate::{
    api::{
        caller::Ask,
        resource,
        wire::{All, Json, Links, NoList, NoMap, Query, Sent, bare_list_of_none, refer},
    },
    base::{error::Result, paging::Page},
    company::{
        access::permissions::{List, TenantEdit, TenantView},
        tenants::{self, Filter, Tenant},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tenant's variables, in all forms that clients know. The TypeScript client sends the list alone.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct TenantVariablesResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    tenant_id: String,
    #[schema(read_only)]
    tenant_name: String,
    #[schema(read_only)]
    space_id: String,
    project_variables: NoMap,
    library_variables: NoMap,
    #[schema(schema_with = bare_list_of_none)]
    variables: NoList,
    #[schema(read_only)]
    missing_variables: NoList,
    #[schema(read_only)]
    concurrency_token: String,
    #[schema(read_only)]
    links: Links,
}

/// What a tenant lacks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct MissingVariablesResource {
    tenant_id: String,
    missing_variables: NoList,
    links: Links,
}

/// Of whom.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct MissingQuery {
    tenant_id: refer::Tenant,
    project_id: refer::Project,
    environment_id: refer::Environment,
    /// Whether each variable is named; there is none to name.
    include_details: bool,
}

/// Of which tenants.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct ConnectedQuery {
    /// Those connected to this one.
    project_id: refer::Project,
}

fn draw(ask: &Ask, tenant: &Tenant) -> TenantVariablesResource {
    let own = format!("{}/tenants/{}/variables", resource::space_api(ask, tenant.space.0), tenant.id);
    TenantVariablesResource {
        id: format!("variables-{}", tenant.id),
        tenant_id: tenant.id.to_string(),
        tenant_name: tenant.name.clone(),
        space_id: tenant.space.to_string(),
        links: Links::of(&own, &[]),
        ..TenantVariablesResource::default()
    }
}

/// A tenant's variables: none.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<TenantVariablesResource>> {
    let tenant = tenants::show(&ask.visitor()?.ask(TenantView { tenant: located(ask)? })?)?;
    Ok(Json(draw(ask, &tenant)))
}

/// Sets a tenant's variables: none can be set until there are templates, and what is sent is refused by its name.
pub(in crate::api) fn set(ask: &Ask, _: Sent<TenantVariablesResource>) -> Result<Json<TenantVariablesResource>> {
    let (visitor, at) = (ask.visitor()?, located(ask)?);
    visitor.ask(TenantEdit { tenant: at.clone() })?;
    let tenant = tenants::show(&visitor.ask(TenantView { tenant: at })?)?;
    Ok(Json(draw(ask, &tenant)))
}

/// Variables that tenants lack: none, since nothing asks for any.
pub(in crate::api) fn missing(ask: &Ask, _: Query<MissingQuery>) -> Result<All<MissingVariablesResource>> {
    ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    Ok(All(Vec::new()))
}

/// The variables of all tenants, or of those connected to a project.
pub(in crate::api) fn all(ask: &Ask, query: Query<ConnectedQuery>) -> Result<All<TenantVariablesResource>> {
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    let filter = Filter { project: super::project_asked(ask, &query.project_id)?, ..Filter::default() };
    let listed = tenants::list(&granted, &filter, Page::ALL)?;
    Ok(All(listed.items.iter().map(|tenant| draw(ask, tenant)).collect()))
}
