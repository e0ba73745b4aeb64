//! `/api/{space}/tenants`.

pub(super) mod selfservice;
pub(super) mod variables;

use super::{
    caller::Ask,
    projects::web,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Nothing, Query, Sent, refer},
};
use crate::{
    base::{
        error::Result,
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At, New,
            permissions::{List, TenantCreate, TenantDelete, TenantEdit, TenantView},
        },
        tenants::{self, Fields, Filter, Tenant},
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A tenant on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TenantResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    /// Each as `Set/Tag`, or by the tag's id.
    tenant_tags: Vec<String>,
    /// Environments by project. Absent is empty, as some clients leave out what is empty; those that the caller may not
    /// see stay.
    project_environments: BTreeMap<String, Vec<String>>,
    #[schema(read_only)]
    cloned_from_tenant_id: Option<String>,
    is_disabled: bool,
    icon: Nothing,
    custom_fields: NoList,
    #[schema(read_only)]
    links: Links,
}

/// Which tenants.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TenantQuery {
    ids: Option<Vec<String>>,
    name: String,
    partial_name: String,
    project_id: refer::Project,
    /// Each as `Set/Tag`: of each set named, one of its tags.
    tags: Vec<String>,
    is_disabled: Option<bool>,
    cloned_from_tenant_id: refer::Tenant,
}

/// What a new one is made of.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CloneQuery {
    /// A copy of this one, with its tags and connections.
    clone: refer::Tenant,
}

fn draw(ask: &Ask, tenant: &Tenant) -> TenantResource {
    let own = format!("{}/tenants/{}", resource::space_api(ask, tenant.space.0), tenant.id);
    let connections = tenant.connections.iter();
    TenantResource {
        id: tenant.id.to_string(),
        space_id: tenant.space.to_string(),
        name: tenant.name.clone(),
        slug: tenant.slug.clone(),
        description: tenant.description.clone(),
        tenant_tags: tenant.tags.clone(),
        project_environments: connections
            .map(|one| (one.project.to_string(), one.environments.iter().map(Id::to_string).collect()))
            .collect(),
        cloned_from_tenant_id: tenant.cloned_from.map(|id| id.to_string()),
        is_disabled: tenant.is_disabled,
        links: Links::of(
            &own,
            &[
                ("Variables", "/variables"),
                ("CommonVariables", "/commonvariables"),
                ("ProjectVariables", "/projectvariables"),
            ],
        )
        .and("Web", web(ask, tenant.space, &format!("tenants/{}/overview", tenant.id))),
        ..TenantResource::default()
    }
}

fn located(ask: &Ask) -> Result<At<ids::Tenant>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

impl TenantResource {
    fn fields(self) -> (Fields, Vec<(String, Vec<String>)>) {
        let fields = Fields {
            name: self.name,
            description: self.description,
            is_disabled: self.is_disabled,
            tags: self.tenant_tags,
            slug: self.slug,
        };
        (fields, self.project_environments.into_iter().collect())
    }
}

/// A project whose tenants are asked for; one that is not there has none.
fn project_asked(ask: &Ask, asked: &refer::Project) -> Result<Option<Id<ids::Project>>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    Ok(asked.given().map(|text| Id::new(visitor.locate::<ids::Project>(&space, text).map_or(0, |at| at.id().0))))
}

fn filter(ask: &Ask, query: &TenantQuery) -> Result<Filter> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let tenant = |text| Id::new(visitor.locate::<ids::Tenant>(&space, text).map_or(0, |at| at.id().0));
    let name = if query.partial_name.is_empty() { &query.name } else { &query.partial_name };
    Ok(Filter {
        partial_name: name.clone(),
        project: project_asked(ask, &query.project_id)?,
        tags: query.tags.clone(),
        ids: query.ids.as_deref().map(wire::numbers::<ids::Tenant>),
        is_disabled: query.is_disabled,
        cloned_from: query.cloned_from_tenant_id.given().map(tenant),
    })
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<TenantQuery>) -> Result<Collection<TenantResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&space))?;
    let listed = tenants::list(&granted, &filter(ask, &query)?, ask.page())?;
    let own = format!("{}/tenants", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, &query, &own, "Tenant", listed, ask.page(), |tenant| draw(ask, tenant)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<TenantQuery>) -> Result<All<TenantResource>> {
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    let listed = tenants::list(&granted, &filter(ask, &query)?, Page::ALL)?;
    Ok(All(listed.items.iter().map(|tenant| draw(ask, tenant)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<TenantResource>> {
    let granted = ask.visitor()?.ask(TenantView { tenant: located(ask)? })?;
    Ok(Json(draw(ask, &tenants::show(&granted)?)))
}

/// Makes one; with `?clone=` as a copy of another.
pub(super) fn create(
    ask: &Ask,
    query: Query<CloneQuery>,
    Sent(sent): Sent<TenantResource>,
) -> Result<Created<TenantResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let granted = visitor.ask(TenantCreate { space: New::of(&space) })?;
    let (fields, wished) = sent.fields();
    let made = match query.clone.given() {
        Some(source) => {
            let source = visitor.ask(TenantView { tenant: visitor.named(&space, source)? })?;
            tenants::clone(&granted, &source, fields)?
        }
        None => tenants::create(&granted, fields, &tenants::connections(visitor, &space, &wished)?)?,
    };
    Ok(Created(draw(ask, &made)))
}

/// Changes one.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<TenantResource>) -> Result<Json<TenantResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let granted = visitor.ask(TenantEdit { tenant: located(ask)? })?;
    let (fields, wished) = sent.fields();
    let connections = tenants::connections(visitor, &space, &wished)?;
    Ok(Json(draw(ask, &tenants::edit(&granted, fields, Some(&connections))?)))
}

/// How a tenant is deleted.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DeleteQuery {
    /// Its deployments and runs go with it, with their tasks and logs. Without this, a tenant that has any is not deleted.
    delete_history: bool,
}

/// Deletes one. A tenant that was deployed for is deleted with `deleteHistory=true` only: its deployments and runs go, too,
/// and the caller may delete each of them.
pub(super) fn delete(ask: &Ask, query: Query<DeleteQuery>) -> Result<Done> {
    let granted = ask.visitor()?.ask(TenantDelete { tenant: located(ask)? })?;
    if query.delete_history {
        tenants::history::delete(&granted)?
    } else {
        tenants::delete(&granted)?
    }
    Ok(Done)
}

/// Which tenants, and which tags.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TagTestQuery {
    /// Left out or empty: all that the caller may see.
    tenant_ids: Vec<String>,
    tags: Vec<String>,
}

/// What the tags make of one tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagTestResult {
    is_matched: bool,
    reason: &'static str,
    missing_tags: Vec<String>,
}

/// By tenant.
#[derive(Serialize, ToSchema)]
pub(super) struct TagTestResource(BTreeMap<String, TagTestResult>);

/// Which tenants some tags choose.
pub(super) fn test_tags(ask: &Ask, query: Query<TagTestQuery>) -> Result<Json<TagTestResource>> {
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    let ids = Some(wire::numbers::<ids::Tenant>(&query.tenant_ids)).filter(|_| !query.tenant_ids.is_empty());
    let answers = tenants::test_tags(&granted, ids, &query.tags)?.into_iter().map(|test| {
        let reason = if test.is_matched { "The tags match." } else { "The tenant has none of the tags of some set." };
        let answer = TagTestResult { is_matched: test.is_matched, reason, missing_tags: test.missing };
        (test.tenant.to_string(), answer)
    });
    Ok(Json(TagTestResource(answers.collect())))
}

/// How many tenants there are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TenantsStatus {
    has_tenants: bool,
    tenant_count: i64,
}

/// Whether there are tenants at all.
pub(super) fn status(ask: &Ask) -> Result<Json<TenantsStatus>> {
    let granted = ask.visitor()?.ask(List::<TenantView>::of(&ask.space()?))?;
    let total = tenants::list(&granted, &Filter::default(), Page { skip: 0, take: 1 })?.total;
    Ok(Json(TenantsStatus { has_tenants: total > 0, tenant_count: total }))
}
