//! `/api/{space}/environments`.

pub(super) mod summary;

use super::{
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Query, Sent, refer},
};
use crate::{
    base::{error::Result, ids, paging::Page},
    company::{
        access::{
            At, New,
            permissions::{EnvironmentCreate, EnvironmentDelete, EnvironmentEdit, EnvironmentView, List},
        },
        environments::{self, Environment, Fields, Filter},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An environment on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EnvironmentResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    /// Left out or, for a new one, 0: last. For all at once: `PUT …/environments/sortorder`.
    sort_order: Option<i64>,
    use_guided_failure: bool,
    allow_dynamic_infrastructure: bool,
    environment_tags: NoList,
    extension_settings: NoList,
    r#type: Static,
    #[schema(read_only)]
    links: Links,
}

wire::fixed! {
    /// An environment that stays until it is deleted.
    Static(StaticValue) = "Static";
}

/// Which environments.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EnvironmentQuery {
    ids: Option<Vec<String>>,
    name: String,
    partial_name: String,
    /// Only Static ones are kept by this version; of other kinds there are none.
    r#type: Vec<String>,
}

fn draw(ask: &Ask, e: &Environment) -> EnvironmentResource {
    let own = format!("{}/environments/{}", resource::space_api(ask, e.space.0), e.id);
    EnvironmentResource {
        id: e.id.to_string(),
        space_id: e.space.to_string(),
        name: e.name.clone(),
        slug: e.slug.clone(),
        description: e.description.clone(),
        sort_order: Some(e.sort_order),
        use_guided_failure: e.use_guided_failure,
        allow_dynamic_infrastructure: e.allow_dynamic_infrastructure,
        links: Links::of(
            &own,
            &[
                (
                    "Machines",
                    "/machines{?skip,take,partialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags,shellNames,deploymentTargetTypes}",
                ),
                ("SinglyScopedVariableDetails", "/singlyScopedVariableDetails"),
            ],
        ),
        ..EnvironmentResource::default()
    }
}

fn located(ask: &Ask) -> Result<At<ids::Environment>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

impl EnvironmentResource {
    fn fields(self) -> Fields {
        Fields {
            name: self.name,
            description: self.description,
            use_guided_failure: self.use_guided_failure,
            allow_dynamic_infrastructure: self.allow_dynamic_infrastructure,
            slug: self.slug,
            sort_order: self.sort_order,
        }
    }
}

fn filter(query: &EnvironmentQuery) -> Filter {
    let name = if query.partial_name.is_empty() { &query.name } else { &query.partial_name };
    let other = !query.r#type.is_empty() && !query.r#type.iter().any(|kind| kind.eq_ignore_ascii_case("Static"));
    let ids = if other { Some(Vec::new()) } else { query.ids.as_deref().map(wire::numbers::<ids::Environment>) };
    Filter { partial_name: name.clone(), ids }
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<EnvironmentQuery>) -> Result<Collection<EnvironmentResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<EnvironmentView>::of(&space))?;
    let listed = environments::list(&granted, &filter(&query), ask.page())?;
    let own = format!("{}/environments", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, &query, &own, "Environment", listed, ask.page(), |e| draw(ask, e)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<EnvironmentQuery>) -> Result<All<EnvironmentResource>> {
    let granted = ask.visitor()?.ask(List::<EnvironmentView>::of(&ask.space()?))?;
    let listed = environments::list(&granted, &filter(&query), Page::ALL)?;
    Ok(All(listed.items.iter().map(|e| draw(ask, e)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<EnvironmentResource>> {
    let granted = ask.visitor()?.ask(EnvironmentView { environment: located(ask)? })?;
    Ok(Json(draw(ask, &environments::show(&granted)?)))
}

/// Makes one.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<EnvironmentResource>) -> Result<Created<EnvironmentResource>> {
    let granted = ask.visitor()?.ask(EnvironmentCreate { space: New::of(&ask.space()?) })?;
    // Clients send 0 for what nobody chose.
    let sort_order = sent.sort_order.filter(|place| *place != 0);
    let fields = Fields { sort_order, ..sent.fields() };
    Ok(Created(draw(ask, &environments::create(&granted, fields)?)))
}

/// Changes one.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<EnvironmentResource>) -> Result<Json<EnvironmentResource>> {
    let granted = ask.visitor()?.ask(EnvironmentEdit { environment: located(ask)? })?;
    Ok(Json(draw(ask, &environments::edit(&granted, sent.fields())?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    let granted = ask.visitor()?.ask(EnvironmentDelete { environment: located(ask)? })?;
    environments::delete(&granted)?;
    Ok(Done)
}

/// Puts them into the order of an array of ids.
pub(super) fn sort(ask: &Ask, Sent(order): Sent<Vec<refer::Environment>>) -> Result<Done> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let proofs = order
        .iter()
        .map(|id| visitor.ask(EnvironmentEdit { environment: visitor.named(&space, id.text())? }))
        .collect::<Result<Vec<_>>>()?;
    environments::sort(&proofs)?;
    Ok(Done)
}
