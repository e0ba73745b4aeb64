//! `/api/{space}/tagsets`.

use super::{
    caller::{Ask, Reply},
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Result},
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
use serde_json::{Value, json};

fn draw(ask: &Ask, set: &TagSet) -> Value {
    let own = format!("{}/tagsets/{}", resource::space_api(ask, set.space.0), set.id);
    let tags: Vec<Value> = set
        .tags
        .iter()
        .map(|tag| {
            json!({
                "Id": tag.id.to_string(), "Name": tag.name, "Color": tag.color, "Description": tag.description,
                "SortOrder": tag.sort_order, "CanonicalTagName": tag.canonical,
            })
        })
        .collect();
    json!({
        "Id": set.id.to_string(), "SpaceId": wire::<ids::Space>(set.space.0), "Name": set.name, "Slug": set.slug,
        "Description": set.description, "SortOrder": set.sort_order, "Scopes": ["Tenant"], "Type": "MultiSelect",
        "Tags": tags, "Links": resource::links(&own, &[]),
    })
}

fn located(ask: &Ask) -> Result<At<ids::TagSet>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

/// Sets are of tenants; asked for those of other kinds, there are none.
fn listed(ask: &Ask, page: Page) -> Result<Listed<TagSet>> {
    let granted = ask.visitor()?.ask(Inside { at: ask.space()? })?;
    let scopes = ask.call.asked_all("scopes");
    if !scopes.is_empty() && !scopes.iter().any(|scope| scope.eq_ignore_ascii_case("Tenant")) {
        return Ok(Listed { items: Vec::new(), total: 0 });
    }
    let filter = Filter { partial_name: ask.asked_text("partialName"), ids: ask.asked_ids::<ids::TagSet>("ids") };
    tags::list(&granted, &filter, page)
}

fn fields(ask: &Ask) -> Fields {
    let tags = ask.body.objects("Tags").into_iter().map(|tag| TagFields {
        id: Id::parse(&tag.text("Id")),
        name: tag.text("Name"),
        color: tag.text("Color"),
        description: tag.text("Description"),
    });
    Fields { name: ask.body.text("Name"), description: ask.body.text("Description"), tags: tags.collect() }
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let own = format!("{}/tagsets", resource::space_api(ask, ask.space()?.id().0));
    let listed = listed(ask, ask.page())?;
    resource::collection(ask, &own, "TagSet", listed, ask.page(), "skip,take,ids,partialName,scopes", |set| {
        draw(ask, set)
    })
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    resource::bare(&listed(ask, Page::ALL)?.items, |set| draw(ask, set))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(Inside { at: located(ask)? })?;
    Reply::ok(draw(ask, &tags::show(&granted)?))
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TagSetCreate { space: ask.space()? })?;
    Reply::created(draw(ask, &tags::create(&granted, fields(ask))?))
}

/// Changes one with its tags.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TagSetEdit { tag_set: located(ask)? })?;
    Reply::ok(draw(ask, &tags::edit(&granted, fields(ask))?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    tags::delete(&ask.visitor()?.ask(TagSetDelete { tag_set: located(ask)? })?)?;
    Reply::done()
}

/// Puts them into the order of an array of ids.
pub(super) fn sort(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let order = ask.list_body().ok_or_else(|| Error::invalid("", "Send an array of tag set ids."))?;
    let proofs = order
        .iter()
        .map(|id| visitor.ask(TagSetEdit { tag_set: visitor.locate(&space, id.as_str().unwrap_or_default())? }))
        .collect::<Result<Vec<_>>>()?;
    tags::sort(&proofs)?;
    Reply::done()
}
