//! `/api/{space}/tagsets`.

use super::{
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, Query, Sent, refer},
};
use crate::{
    base::{
        error::Result,
        ids::{self, Id},
        paging::{Listed, Page},
    },
    company::{
        access::{
            At,
            permissions::{Inside, TagSetCreate, TagSetDelete, TagSetEdit},
        },
        tenants::tags::{self, Fields, Filter, TagFields, TagSet},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tag set on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TagSetResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    /// Left out or, for a new one, 0: last.
    sort_order: Option<i64>,
    scopes: Tenants,
    r#type: MultiSelect,
    /// All of the set, in their order; those of the set that are not among them are removed.
    tags: Vec<TagResource>,
    #[schema(read_only)]
    links: Links,
}

/// A tag on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TagResource {
    /// Keeps a tag under a new name; empty for a new one.
    id: String,
    name: String,
    /// As `#RRGGBB`; empty is grey.
    color: String,
    description: String,
    /// Its place among the others of the set.
    #[schema(read_only)]
    sort_order: i64,
    #[schema(read_only)]
    canonical_tag_name: String,
}

wire::fixed! {
    /// Tags are carried by tenants.
    Tenants(TenantsValue) = ["Tenant"];
    /// Any number of a set's tags can be carried.
    MultiSelect(MultiSelectValue) = "MultiSelect";
}

/// Which tag sets.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TagSetQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
    /// Sets are of tenants; of other kinds there are none.
    scopes: Vec<String>,
}

fn draw(ask: &Ask, set: &TagSet) -> TagSetResource {
    let own = format!("{}/tagsets/{}", resource::space_api(ask, set.space.0), set.id);
    let tags = set.tags.iter().map(|tag| TagResource {
        id: tag.id.to_string(),
        name: tag.name.clone(),
        color: tag.color.clone(),
        description: tag.description.clone(),
        sort_order: tag.sort_order,
        canonical_tag_name: tag.canonical.clone(),
    });
    TagSetResource {
        id: set.id.to_string(),
        space_id: set.space.to_string(),
        name: set.name.clone(),
        slug: set.slug.clone(),
        description: set.description.clone(),
        sort_order: Some(set.sort_order),
        tags: tags.collect(),
        links: Links::of(&own, &[]),
        ..TagSetResource::default()
    }
}

impl TagSetResource {
    fn fields(self) -> Fields {
        let tags = self.tags.into_iter().map(|tag| TagFields {
            // What is no id is that of no tag.
            id: Some(tag.id.trim()).filter(|id| !id.is_empty()).map(|id| Id::parse(id).unwrap_or(Id::new(0))),
            name: tag.name,
            color: tag.color,
            description: tag.description,
        });
        Fields {
            name: self.name,
            description: self.description,
            tags: tags.collect(),
            slug: self.slug,
            sort_order: self.sort_order,
        }
    }
}

fn located(ask: &Ask) -> Result<At<ids::TagSet>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn listed(ask: &Ask, query: &TagSetQuery, page: Page) -> Result<Listed<TagSet>> {
    let granted = ask.visitor()?.ask(Inside { at: ask.space()? })?;
    if !query.scopes.is_empty() && !query.scopes.iter().any(|scope| scope.eq_ignore_ascii_case("Tenant")) {
        return Ok(Listed { items: Vec::new(), total: 0 });
    }
    let ids = query.ids.as_deref().map(wire::numbers::<ids::TagSet>);
    tags::list(&granted, &Filter { partial_name: query.partial_name.clone(), ids }, page)
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<TagSetQuery>) -> Result<Collection<TagSetResource>> {
    let own = format!("{}/tagsets", resource::space_api(ask, ask.space()?.id().0));
    let listed = listed(ask, &query, ask.page())?;
    Ok(wire::collection(ask, &query, &own, "TagSet", listed, ask.page(), |set| draw(ask, set)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<TagSetQuery>) -> Result<All<TagSetResource>> {
    Ok(All(listed(ask, &query, Page::ALL)?.items.iter().map(|set| draw(ask, set)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<TagSetResource>> {
    let granted = ask.visitor()?.ask(Inside { at: located(ask)? })?;
    Ok(Json(draw(ask, &tags::show(&granted)?)))
}

/// Makes one.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<TagSetResource>) -> Result<Created<TagSetResource>> {
    let granted = ask.visitor()?.ask(TagSetCreate { space: ask.space()? })?;
    // Clients send 0 for what nobody chose.
    let sort_order = sent.sort_order.filter(|place| *place != 0);
    let fields = Fields { sort_order, ..sent.fields() };
    Ok(Created(draw(ask, &tags::create(&granted, fields)?)))
}

/// Changes one with its tags.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<TagSetResource>) -> Result<Json<TagSetResource>> {
    let granted = ask.visitor()?.ask(TagSetEdit { tag_set: located(ask)? })?;
    Ok(Json(draw(ask, &tags::edit(&granted, sent.fields())?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    tags::delete(&ask.visitor()?.ask(TagSetDelete { tag_set: located(ask)? })?)?;
    Ok(Done)
}

/// Puts them into the order of an array of ids.
pub(super) fn sort(ask: &Ask, Sent(order): Sent<Vec<refer::TagSet>>) -> Result<Done> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let proofs = order
        .iter()
        .map(|id| visitor.ask(TagSetEdit { tag_set: visitor.named(&space, id.text())? }))
        .collect::<Result<Vec<_>>>()?;
    tags::sort(&proofs)?;
    Ok(Done)
}
